import type { SpecialUse } from "../mail/special-use.js";
import type { ThrottleProfile } from "../throttle-profiles.js";

/**
 * What a source server of one make is like, as data. Plain: `{ ...gmail, throttle: … }` is another profile. Absent
 * members are what every installation sets for itself.
 */
export interface ProviderProfile {
  /** For people and reports. */
  readonly name: string;
  /** The IMAP host, where there is one for all. */
  readonly remoteServer?: string;
  readonly port?: number;
  readonly security?: "Ssl" | "Tls";
  /** What the server lets a client do with one mailbox. */
  readonly throttle: ThrottleProfile;
  /** Connections that it takes from one address, whatever the mailboxes: `maxConcurrentMigrations` belongs below it. */
  readonly mostConnectionsFromOneAddress?: number;
  readonly login: ProviderLogin;
  readonly folders: ProviderFolderRules;
  /** What an administrator has to know or set beforehand, one sentence each. */
  readonly notes: readonly string[];
}

/** How rows sign in. */
export interface ProviderLogin {
  /** What a person's own row has in Password. */
  readonly password: "password" | "app-password";
  /**
   * How an administrator opens the mailboxes of others: the function that writes the UserName or UserRoot, or the
   * endpoint's `authenticationId`. Absent: there is no such login.
   */
  readonly administrator?: "exchangeLogin" | "dovecotLogin" | "courierUserRoot" | "authenticationId";
}

/** Which folders are no folders of their own. */
export interface ProviderFolderRules {
  /**
   * Uses whose folders only show messages of other folders; what each says is lost by leaving it out. RFC 6154 section 2
   * says of `\All` and `\Flagged` that they are almost certain to be such.
   */
  readonly views: Readonly<Partial<Record<SpecialUse, string>>>;
  /** Uses whose folders show the messages of all others, and besides some that stand nowhere else. */
  readonly rest: readonly SpecialUse[];
  /**
   * Where a message can stand in several folders: a copy in `each`, or `one` in the first folder that has it, in the
   * order of `planProviderFolders`. Absent: every message stands in one folder.
   */
  readonly labels?: "each" | "one";
}
