import { createHash } from "node:crypto";
import { MigrationError } from "../../errors.js";
import { SimulatedMailbox } from "./mailbox.js";
import type { MailboxLanguage } from "./well-known-folders.js";

/** How one user is made. Only the name is needed. */
export interface SimulatedUserOptions {
  readonly userPrincipalName: string;
  /** Default: the user principal name. */
  readonly mail?: string;
  /** Default: `mail` as the primary address. */
  readonly proxyAddresses?: readonly string[];
  /** Default true. */
  readonly accountEnabled?: boolean;
  /** Has a plan of the service `exchange`. Default true. */
  readonly licensed?: boolean;
  /**
   * Whether there is a mailbox: `ready` (the default), `not-enabled` (none yet, inactive or on-premises),
   * `not-supported`, or `missing`. May be changed at any time.
   */
  readonly mailbox?: MailboxState;
  /** The language of the well-known folders. Default `en`. */
  readonly language?: MailboxLanguage;
  /** Default `user`. */
  readonly userPurpose?: "user" | "linked" | "shared" | "room" | "equipment" | "others";
  /** Folders besides the well-known ones, each with its names from the top level down. */
  readonly folders?: readonly (readonly string[])[];
}

export type MailboxState = "ready" | "not-enabled" | "not-supported" | "missing";

/** A domain of a tenant. Only the name is needed. */
export interface SimulatedDomainOptions {
  readonly id: string;
  /** Default true. */
  readonly isVerified?: boolean;
  /** Default true for the first domain. */
  readonly isDefault?: boolean;
  /** Default: what ends in `.onmicrosoft.com`. */
  readonly isInitial?: boolean;
  /** Default `Email` and `OfficeCommunicationsOnline`. */
  readonly supportedServices?: readonly string[];
  /** The name in the MX record. Default: the name with `-` for `.` below `mail.protection.outlook.com`. */
  readonly mailExchange?: string;
}

/** An application that may sign in. */
export interface SimulatedApplicationOptions {
  readonly clientId: string;
  /** Absent: no secret signs in. */
  readonly clientSecret?: string;
  /** Whether this certificate assertion or federated token signs in. Absent: none does. */
  readonly acceptsAssertion?: (assertion: string) => boolean;
  /** The permissions that an administrator consented to. Default: all that the simulator asks for. */
  readonly permissions?: readonly string[];
  /** The mailboxes that it is confined to, by user principal name. Default: every one of the tenant. */
  readonly mailboxes?: readonly string[];
}

/** How one tenant is made. */
export interface SimulatedTenantOptions {
  /** The tenant's id, as it stands in the authority's address; its domains' names stand for it as well. */
  readonly id: string;
  readonly applications?: readonly SimulatedApplicationOptions[];
  /** Default: the domains of the users, verified. */
  readonly domains?: readonly SimulatedDomainOptions[];
  readonly users?: readonly (string | SimulatedUserOptions)[];
}

/** A user, with the mailbox. */
export class SimulatedUser {
  readonly id: string;
  readonly options: SimulatedUserOptions;
  readonly mailbox: SimulatedMailbox;
  /** May be changed at any time: from `not-enabled` to `ready` is a licence that took effect. */
  mailboxState: MailboxState;

  constructor(options: SimulatedUserOptions) {
    this.options = options;
    const digest = createHash("sha256").update(options.userPrincipalName.toLowerCase()).digest("hex");
    this.id = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
    this.mailbox = new SimulatedMailbox(this.id, options.language ?? "en");
    this.mailboxState = options.mailbox ?? "ready";
    for (const levels of options.folders ?? []) this.mailbox.addFolder(...levels);
  }

  get userPrincipalName(): string {
    return this.options.userPrincipalName;
  }
}

/** A tenant: who may sign in, and whose mailboxes there are. */
export class SimulatedTenant {
  readonly id: string;
  readonly #applications = new Map<string, SimulatedApplicationOptions>();
  readonly #users: SimulatedUser[] = [];
  readonly #domains: SimulatedDomainOptions[];

  constructor(options: SimulatedTenantOptions) {
    this.id = options.id;
    for (const application of options.applications ?? []) this.#applications.set(application.clientId, application);
    for (const user of options.users ?? []) this.addUser(user);
    this.#domains = [...(options.domains ?? this.#domainsOfUsers())];
  }

  get users(): readonly SimulatedUser[] {
    return this.#users;
  }

  get domains(): readonly SimulatedDomainOptions[] {
    return this.#domains;
  }

  addUser(user: string | SimulatedUserOptions): SimulatedUser {
    const added = new SimulatedUser(typeof user === "string" ? { userPrincipalName: user } : user);
    this.#users.push(added);
    return added;
  }

  /** Adds a domain, or puts another one in place of that with the same name. */
  setDomain(domain: SimulatedDomainOptions): void {
    const at = this.#domains.findIndex(({ id }) => isSameName(id, domain.id));
    this.#domains.splice(at < 0 ? this.#domains.length : at, 1, domain);
  }

  /** Adds an application, or puts another one in place of that with the same id. */
  setApplication(application: SimulatedApplicationOptions): void {
    this.#applications.set(application.clientId, application);
  }

  application(clientId: string): SimulatedApplicationOptions | undefined {
    return this.#applications.get(clientId);
  }

  /** The user with this id or user principal name, in any case. */
  findUser(idOrName: string): SimulatedUser | undefined {
    return this.#users.find(({ id, userPrincipalName }) => id === idOrName || isSameName(userPrincipalName, idOrName));
  }

  /** @throws MigrationError `option-invalid` where there is none */
  user(userPrincipalName: string): SimulatedUser {
    const user = this.findUser(userPrincipalName);
    if (!user) throw new MigrationError("option-invalid", `There is no user ${JSON.stringify(userPrincipalName)}.`);
    return user;
  }

  findDomain(name: string): SimulatedDomainOptions | undefined {
    return this.#domains.find(({ id }) => isSameName(id, name));
  }

  /** Whether this stands for the tenant in an address. */
  isNamed(name: string): boolean {
    return isSameName(this.id, name) || this.findDomain(name) !== undefined;
  }

  #domainsOfUsers(): SimulatedDomainOptions[] {
    const names = new Set(
      this.#users.map(({ userPrincipalName }) => userPrincipalName.replace(/^.*@/s, "").toLowerCase()),
    );
    return [...names].map((id) => ({ id }));
  }
}

const isSameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
