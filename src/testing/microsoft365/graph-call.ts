import type { SimulatedFolder, SimulatedMailbox, SimulatedMessage } from "./mailbox.js";
import { type Reply, refuse } from "./reply.js";
import type { TokenGrant } from "./sign-in.js";
import type { SimulatedUser } from "./tenant.js";
import type { UploadSessions } from "./upload-sessions.js";
import type { WellKnownFolder } from "./well-known-folders.js";

/** A Graph request that is signed in, with what its handler needs. */
export interface GraphCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly version: "v1.0" | "beta";
  readonly grant: TokenGrant;
  /** The time on the simulator's clock. */
  readonly date: Date;
  /** The variable parts of the path, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly uploads: UploadSessions;
  readonly deletedMessagesGoTo: WellKnownFolder;
  readonly importedMessagesAreReceived: ImportedDate;
}

/** Which date an imported message gets: that of the call, of its top `Received:` field, or of its `Date:` field. */
export type ImportedDate = "now" | "received-field" | "date-field";

/** Carries a request out at once, so that nothing comes between what it reads and what it changes. */
export type GraphHandler = (call: GraphCall) => Reply;

/** The user that the path names. @throws Refusal */
export function userOf(call: GraphCall): SimulatedUser {
  const name = call.parameters["user"] ?? "";
  const user = call.grant.tenant.findUser(name);
  return (
    user ??
    refuse(
      404,
      "Request_ResourceNotFound",
      `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`,
    )
  );
}

/** The mailbox that the path names, if the application may open it. @throws Refusal */
export function mailboxOf(call: GraphCall): SimulatedMailbox {
  const { tenant, application } = call.grant;
  const name = call.parameters["user"] ?? "";
  const user = tenant.findUser(name) ?? refuse(404, "ErrorInvalidUser", `The requested user '${name}' is invalid.`);
  const confinedTo = application.mailboxes;
  const isLetIn = !confinedTo || confinedTo.some((each) => tenant.findUser(each) === user);
  if (!isLetIn) refuse(403, "ErrorAccessDenied", "Access to OData is disabled.");
  if (user.mailboxState === "not-enabled") {
    refuse(
      404,
      "MailboxNotEnabledForRESTAPI",
      "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    );
  }
  if (user.mailboxState === "not-supported")
    refuse(404, "MailboxNotSupportedForRESTAPI", "REST API is not supported for this mailbox.");
  if (user.mailboxState === "missing") {
    refuse(404, "ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
  }
  return user.mailbox;
}

/** The folder that the path names by id or well-known name; `parameter` says which part of the path. @throws Refusal */
export function folderOf(call: GraphCall, parameter = "folder"): SimulatedFolder {
  const folder = mailboxOf(call).findFolder(call.parameters[parameter] ?? "");
  return folder ?? notFound();
}

/** @throws Refusal */
export function messageOf(call: GraphCall): SimulatedMessage {
  return mailboxOf(call).findMessage(call.parameters["message"] ?? "") ?? notFound();
}

/** @throws Refusal always */
export function notFound(): never {
  return refuse(404, "ErrorItemNotFound", "The specified object was not found in the store.");
}

/** Whether the caller asked for ids that stay when a message is moved. */
export function wantsImmutableIds(call: GraphCall): boolean {
  return /IdType\s*=\s*"?ImmutableId/i.test(call.headers.get("Prefer") ?? "");
}
