import type { Microsoft365Credentials } from "../credentials/access-token.js";
import { type Cloud, globalCloud } from "../credentials/clouds.js";
import { MigrationError } from "../errors.js";
import { type GraphAnswer, GraphClient } from "../graph/graph-client.js";
import { graphError } from "../graph/graph-errors.js";
import { listOf, numberOf, record, textOf } from "../graph/graph-json.js";
import type { Abortable } from "../mail/mail-source.js";
import { inOrder } from "./in-order.js";

/** What a check came to. Nothing is `ok` that was not seen to be. */
export interface RecipientCheck {
  readonly state: "ok" | "not-ok" | "not-checked";
  /** What a person can do; absent where it is ok. */
  readonly remedy?: string;
}

/** One mail server that a domain's MX record is to name. */
export interface MxTarget {
  /** Never to be made from the domain's name: there are several patterns. */
  readonly exchange: string;
  readonly preference: number;
  /** Seconds. */
  readonly ttl: number;
}

/** One domain of the users' addresses. */
export interface DomainCheck {
  readonly domain: string;
  /** It is a domain of this tenant, and somebody proved that it is theirs. */
  readonly verified: RecipientCheck;
  /** It is set up for mail. */
  readonly email: RecipientCheck;
  /** What the MX record is to become at the cutover; empty where that was not told. */
  readonly mxTargets: readonly MxTarget[];
}

/** One user of the list. */
export interface UserCheck {
  readonly emailAddress: string;
  readonly user: RecipientCheck;
  /** A plan of Exchange; a licence does not mean that there is a mailbox. */
  readonly licence: RecipientCheck;
  /** The Inbox answers: the one proof. */
  readonly mailbox: RecipientCheck;
}

/** What the preflight found. */
export interface RecipientsCheck {
  /** In the order in which they first appear. */
  readonly domains: readonly DomainCheck[];
  /** In the order of the list. */
  readonly users: readonly UserCheck[];
}

/** What {@link checkRecipients} needs. */
export interface RecipientsOptions extends Abortable {
  /** EmailAddress of each row, which is taken for the user principal name. */
  readonly emailAddresses: readonly string[];
  /** Who signs in: `clientCredentials()` or one of its siblings. */
  readonly credentials: Microsoft365Credentials;
  /** Default `globalCloud`. */
  readonly cloud?: Cloud;
}

const AT_ONCE = 4;
const OK: RecipientCheck = { state: "ok" };

/**
 * Asks Microsoft Graph whether domains, users and mailboxes are ready to be moved to. Reads only. It wants permissions that
 * a migration does without (Domain.Read.All, User.Read.All): what may not be read is `not-checked`.
 * @throws MigrationError those of the token provider and of connections, which concern every address alike; `aborted`
 */
export async function checkRecipients(options: RecipientsOptions): Promise<RecipientsCheck> {
  const { emailAddresses, credentials, cloud = globalCloud, signal } = options;
  const asking = new Asking(new GraphClient({ tokens: credentials.connect(cloud), cloud }), signal);
  const names = new Set(emailAddresses.map((address) => address.slice(address.lastIndexOf("@") + 1).toLowerCase()));
  const domains: DomainCheck[] = [];
  for await (const check of inOrder(names, AT_ONCE, (domain) => checkDomain(asking, domain))) domains.push(check);
  const users: UserCheck[] = [];
  for await (const check of inOrder(emailAddresses, AT_ONCE, (user) => checkUser(asking, user))) users.push(check);
  return { domains, users };
}

/** An answer, or why there is none. */
type Asked = { readonly json: unknown } | { readonly error: MigrationError; readonly status: number };

class Asking {
  readonly #client: GraphClient;
  readonly #signal: AbortSignal | undefined;

  constructor(client: GraphClient, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
  }

  async get(path: string, doing: "open" | "directory"): Promise<Asked> {
    let answer: GraphAnswer;
    try {
      answer = await this.#client.send({ method: "GET", path }, { signal: this.#signal });
    } catch (cause) {
      const error = MigrationError.from(cause);
      if (error.scope !== "user") throw error;
      return { error, status: 0 };
    }
    return answer.status === 200 ? answer : { error: graphError(answer, { doing }), status: answer.status };
  }
}

async function checkDomain(asking: Asking, domain: string): Promise<DomainCheck> {
  const path = `/domains/${encodeURIComponent(domain)}`;
  const asked = await asking.get(path, "directory");
  if ("error" in asked) {
    const missing = `${domain} is no domain of this tenant: add it and verify it`;
    const check = asked.status === 404 ? notOk(missing) : notChecked(asked, "Domain.Read.All");
    return { domain, verified: check, email: check, mxTargets: [] };
  }
  const isVerified = record(asked.json)["isVerified"] === true;
  const hasEmail = listOf(asked.json, "supportedServices").includes("Email");
  const records = await asking.get(`${path}/serviceConfigurationRecords`, "directory");
  return {
    domain,
    verified: isVerified ? OK : notOk(`Verify ${domain} with the TXT record that Microsoft 365 names`),
    email: hasEmail ? OK : notOk(`Set ${domain} up for mail: Email is not among its services`),
    mxTargets: "error" in records ? [] : listOf(records.json, "value").flatMap(mxTarget),
  };
}

function mxTarget(value: unknown): MxTarget[] {
  const exchange = textOf(value, "mailExchange");
  if (textOf(value, "recordType").toLowerCase() !== "mx" || exchange === "") return [];
  return [{ exchange, preference: numberOf(value, "preference"), ttl: numberOf(value, "ttl") }];
}

async function checkUser(asking: Asking, emailAddress: string): Promise<UserCheck> {
  const path = `/users/${encodeURIComponent(emailAddress)}`;
  const [user, inbox] = await Promise.all([
    asking.get(`${path}?$select=id,userPrincipalName,mail,accountEnabled,assignedPlans`, "directory"),
    asking.get(`${path}/mailFolders/inbox?$select=id,displayName,totalItemCount`, "open"),
  ]);
  const mailbox = checkMailbox(inbox);
  return { emailAddress, user: checkAccount(user), licence: checkLicence(user, mailbox), mailbox };
}

function checkAccount(asked: Asked): RecipientCheck {
  if (!("error" in asked)) return OK;
  if (asked.status !== 404) return notChecked(asked, "User.Read.All");
  return notOk("No user has this user principal name: create the user, or name it by its principal name");
}

function checkLicence(asked: Asked, mailbox: RecipientCheck): RecipientCheck {
  if ("error" in asked) {
    const remedy = "There is no user to look at";
    return asked.status === 404 ? { state: "not-checked", remedy } : notChecked(asked, "User.Read.All");
  }
  const isLicensed = listOf(asked.json, "assignedPlans").some(
    (plan) => textOf(plan, "service").toLowerCase() === "exchange" && textOf(plan, "capabilityStatus") === "Enabled",
  );
  if (isLicensed) return OK;
  if (mailbox.state !== "ok") return notOk("Assign a licence with Exchange Online");
  // Shared mailboxes, rooms and equipment have a mailbox and need none.
  return {
    state: "not-checked",
    remedy: "No Exchange plan is assigned: right for a shared mailbox, otherwise assign one",
  };
}

function checkMailbox(asked: Asked): RecipientCheck {
  if (!("error" in asked)) return OK;
  const { error, status } = asked;
  if (error.code === "access-denied") {
    return notOk(
      "The application may not open this mailbox: consent to Mail.ReadWrite, and check access policies and RBAC for Applications",
    );
  }
  if (status !== 404) return notChecked(asked, "Mail.ReadBasic.All");
  if (error.code === "server-unavailable") {
    return notOk(
      "Not yet: wait up to 15 minutes after a licence was assigned, and check again. Later it means that the mailbox is inactive, soft-deleted or on-premises",
    );
  }
  return notOk(error.remedy);
}

function notOk(remedy: string): RecipientCheck {
  return { state: "not-ok", remedy };
}

function notChecked(
  asked: { readonly error: MigrationError; readonly status: number },
  permission: string,
): RecipientCheck {
  const { error, status } = asked;
  const remedy = status === 403 ? `The application may not look: consent to ${permission}` : error.message;
  return { state: "not-checked", remedy };
}
