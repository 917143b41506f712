/** Where one Microsoft cloud answers. Tokens of one are not accepted in another. */
export interface Cloud {
  /** For people and reports. */
  readonly name: string;
  /** Sign-in: `https://login.microsoftonline.com`. */
  readonly authority: string;
  /** Microsoft Graph: `https://graph.microsoft.com`. */
  readonly graph: string;
  /** The IMAP host of Exchange Online, port 993 with TLS. */
  readonly imapHost: string;
  /** The scope of an application's token for IMAP. */
  readonly imapScope: string;
  /** The scope of a person's token for IMAP. */
  readonly imapUserScope: string;
}
