import type { MailTarget } from "./mail/mail-target.js";

/** Where a batch puts its mailboxes; `imapServer()` makes one. */
export interface MigrationTarget {
  /** For people and reports: `imaps://outlook.office365.com:993`. Holds no secret. */
  readonly name: string;
  /**
   * Opens the mailbox of one user.
   * @param user the EmailAddress of the user's row
   * @throws MigrationError with the code of whatever kept it from opening
   */
  openMailbox(user: string, options: { signal: AbortSignal }): Promise<MailTarget>;
}
