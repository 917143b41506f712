import type { MigrationError } from "../errors.js";
import type { ListedAtOnce, Namespace, RefusedCommand } from "./imap-connection.js";
import { type Listing, listFolders } from "./imap-listing.js";
import { parseValues, type ResponseValue } from "./wire/response-values.js";
import type { TaggedAnswer, WireConnection } from "./wire/wire-connection.js";

/** What a session knows of its server from the first moment. */
export interface ImapSession {
  /** In upper case, as announced after the sign-in. */
  readonly capabilities: ReadonlySet<string>;
  readonly personal: Namespace;
  /** Other users' and shared folders. */
  readonly foreign: readonly Namespace[];
  /** All folders, where they were asked for; it never rejects unhandled. */
  readonly listing: Promise<Listing> | undefined;
}

type Namespaces = Pick<ImapSession, "personal" | "foreign">;

/**
 * Asks for what the sign-in has not told, as a rule in one round trip: the namespaces (RFC 2342). Says who we are too
 * (RFC 2971), without which some servers open no folder. The folders may be asked for behind it, in the same burst; they
 * are not waited for.
 */
export async function openSession(
  wire: WireConnection,
  announced: readonly string[] | undefined,
  refusal: (answer: TaggedAnswer, about: RefusedCommand) => MigrationError,
  list: ListedAtOnce | undefined,
): Promise<ImapSession> {
  const connected = (answer: TaggedAnswer) => {
    // Exchange says OK to the sign-in, and this to the next command.
    if (/authenticated but not connected/i.test(answer.text)) throw refusal(answer, { verb: "LOGIN" });
    return answer;
  };
  const capabilities = announced ? new Set(announced) : await askCapabilities(wire, connected);
  const asked = Promise.all([
    capabilities.has("NAMESPACE") ? askNamespaces(wire, connected) : askDelimiter(wire, connected),
    capabilities.has("ID") ? wire.run('ID ("name" "imap-to-m365")').then(connected) : undefined,
  ]);
  const listing = list && listFolders({ wire, capabilities, refusal }, "*", list === "with-status");
  listing?.catch(() => {});
  const [namespaces] = await asked;
  return { capabilities, listing, ...(namespaces ?? (await askDelimiter(wire, connected))) };
}

type Connected = (answer: TaggedAnswer) => TaggedAnswer;

async function askCapabilities(wire: WireConnection, connected: Connected): Promise<ReadonlySet<string>> {
  const capabilities = new Set<string>();
  const untagged = (text: string): boolean => {
    const list = /^CAPABILITY (.*)/is.exec(text)?.[1];
    for (const name of list?.split(" ") ?? []) if (name !== "") capabilities.add(name.toUpperCase());
    return list !== undefined;
  };
  connected(await wire.run("CAPABILITY", { untagged }));
  return capabilities;
}

/** Undefined where the server refuses the command. */
async function askNamespaces(wire: WireConnection, connected: Connected): Promise<Namespaces | undefined> {
  let namespaces: Namespaces | undefined;
  const untagged = (text: string, literals: readonly Buffer[]): boolean => {
    if (!/^NAMESPACE /i.test(text)) return false;
    const [personal, others, shared] = parseValues(text, literals, 10);
    namespaces = {
      personal: readNamespaces(personal)[0] ?? { prefix: "" },
      foreign: [...readNamespaces(others), ...readNamespaces(shared)],
    };
    return true;
  };
  connected(await wire.run("NAMESPACE", { untagged }));
  return namespaces;
}

function readNamespaces(value: ResponseValue | undefined): Namespace[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((namespace) => {
    if (!Array.isArray(namespace)) return [];
    const [prefix, delimiter] = namespace.map((part) => (Buffer.isBuffer(part) ? part.toString("latin1") : part));
    if (typeof prefix !== "string") return [];
    return typeof delimiter === "string" ? { prefix, delimiter } : { prefix };
  });
}

/** Where there are no namespaces, an empty name lists the delimiter and the root (RFC 9051 section 6.3.9). */
async function askDelimiter(wire: WireConnection, connected: Connected): Promise<Namespaces> {
  let delimiter: string | undefined;
  const untagged = (text: string, literals: readonly Buffer[]): boolean => {
    if (!/^LIST /i.test(text)) return false;
    const value = parseValues(text, literals, 5)[1];
    if (typeof value === "string") delimiter = value;
    return true;
  };
  connected(await wire.run('LIST "" ""', { untagged }));
  return { personal: delimiter === undefined ? { prefix: "" } : { prefix: "", delimiter }, foreign: [] };
}
