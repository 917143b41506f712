import {
  addAttachment,
  createUploadSession,
  deleteAttachment,
  getAttachment,
  getAttachmentOctets,
  listAttachments,
} from "./attachments.js";
import {
  getDomain,
  getMailboxSettings,
  getUser,
  listDomains,
  listServiceRecords,
  listVerificationRecords,
} from "./directory.js";
import { createChildFolder, createTopFolder, getFolder, listChildFolders, listTopFolders } from "./folders.js";
import type { GraphHandler } from "./graph-call.js";
import {
  createInDrafts,
  createInFolder,
  deleteMessage,
  getMessage,
  getMessageMime,
  listFolderMessages,
  listMailboxMessages,
  moveMessage,
  patchMessage,
  permanentlyDeleteMessage,
} from "./messages.js";
import { importMime } from "./mime-messages.js";

/** One thing that Graph can be asked for. */
export interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handler: GraphHandler;
  /** The application needs one of these. */
  readonly permissions: readonly string[];
  /** It is about a mailbox: Outlook's limits count it. */
  readonly isOutlook: boolean;
  readonly isBetaOnly: boolean;
}

const WRITE = ["Mail.ReadWrite", "Mail-Advanced.ReadWrite.All"];
const READ = ["Mail.Read", ...WRITE];
const READ_BASIC = ["Mail.ReadBasic.All", ...READ];
const DOMAIN = ["Domain.Read.All", "Directory.Read.All"];
const MAILBOX = "/users/{user}";
/** A message is reached through its folder or without. */
const MESSAGE = `${MAILBOX}(?:/mailFolders/{folder})?/messages/{message}`;

const outlook = (method: string, path: string, permissions: readonly string[], handler: GraphHandler): Route => {
  return { method, pattern: compile(path), handler, permissions, isOutlook: true, isBetaOnly: false };
};

const directory = (path: string, permissions: readonly string[], handler: GraphHandler): Route => {
  return { method: "GET", pattern: compile(path), handler, permissions, isOutlook: false, isBetaOnly: false };
};

const ROUTES: readonly Route[] = [
  outlook("GET", `${MAILBOX}/mailFolders`, READ_BASIC, listTopFolders),
  outlook("POST", `${MAILBOX}/mailFolders`, WRITE, createTopFolder),
  outlook("GET", `${MAILBOX}/mailFolders/{folder}`, READ_BASIC, getFolder),
  outlook("GET", `${MAILBOX}/mailFolders/{folder}/childFolders`, READ_BASIC, listChildFolders),
  outlook("POST", `${MAILBOX}/mailFolders/{folder}/childFolders`, WRITE, createChildFolder),
  outlook("GET", `${MAILBOX}/messages`, READ_BASIC, listMailboxMessages),
  outlook("POST", `${MAILBOX}/messages`, WRITE, createInDrafts),
  outlook("GET", `${MAILBOX}/mailFolders/{folder}/messages`, READ_BASIC, listFolderMessages),
  outlook("POST", `${MAILBOX}/mailFolders/{folder}/messages`, WRITE, createInFolder),
  {
    ...outlook("POST", `${MAILBOX}/mailFolders/{folder}/importMime`, ["Mail-Advanced.ReadWrite.All"], importMime),
    isBetaOnly: true,
  },
  outlook("GET", MESSAGE, READ_BASIC, getMessage),
  outlook("PATCH", MESSAGE, WRITE, patchMessage),
  outlook("DELETE", MESSAGE, WRITE, deleteMessage),
  outlook("GET", `${MESSAGE}/\\$value`, READ, getMessageMime),
  outlook("POST", `${MESSAGE}/move`, WRITE, moveMessage),
  outlook("POST", `${MESSAGE}/permanentDelete`, WRITE, permanentlyDeleteMessage),
  outlook("GET", `${MESSAGE}/attachments`, READ, listAttachments),
  outlook("POST", `${MESSAGE}/attachments`, WRITE, addAttachment),
  outlook("POST", `${MESSAGE}/attachments/createUploadSession`, WRITE, createUploadSession),
  outlook("GET", `${MESSAGE}/attachments/{attachment}`, READ, getAttachment),
  outlook("DELETE", `${MESSAGE}/attachments/{attachment}`, WRITE, deleteAttachment),
  outlook("GET", `${MESSAGE}/attachments/{attachment}/\\$value`, READ, getAttachmentOctets),
  outlook(
    "GET",
    `${MAILBOX}/mailboxSettings`,
    ["MailboxSettings.Read", "MailboxSettings.ReadWrite"],
    getMailboxSettings,
  ),
  directory(MAILBOX, ["User.Read.All", "User.ReadWrite.All", "Directory.Read.All"], getUser),
  directory("/domains", DOMAIN, listDomains),
  directory("/domains/{domain}", DOMAIN, getDomain),
  directory("/domains/{domain}/serviceConfigurationRecords", DOMAIN, listServiceRecords),
  directory("/domains/{domain}/verificationDnsRecords", DOMAIN, listVerificationRecords),
];

/** `{name}` stands for one level of the path. */
function compile(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`, "i");
}

export interface FoundRoute {
  readonly route: Route;
  readonly version: "v1.0" | "beta";
  /** The variable parts of the path, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What an address asks for; undefined where there is no such resource or method. */
export function findRoute(method: string, { pathname }: URL): FoundRoute | undefined {
  const [, release, path = ""] = /^\/(v1\.0|beta)(\/.*)$/.exec(pathname) ?? [];
  const version = release === "beta" ? "beta" : "v1.0";
  for (const route of ROUTES) {
    const match = route.method === method ? route.pattern.exec(path) : null;
    if (!match || (route.isBetaOnly && version !== "beta")) continue;
    const groups = Object.entries(match.groups ?? {}).filter(([, value]) => value !== undefined);
    return { route, version, parameters: Object.fromEntries(groups.map(([name, value]) => [name, decoded(value)])) };
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // names nothing that there is
  }
}
