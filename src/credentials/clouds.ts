/**
 * Where one Microsoft cloud answers. Tokens of one are not accepted in another. Plain data: a host that differs is
 * replaced by `{ ...globalCloud, imapHost: "…" }`.
 */
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

/**
 * The worldwide service, with GCC. Documented: sign-in and Graph ("National cloud deployments", learn.microsoft.com/graph),
 * IMAP host and scopes ("Authenticate an IMAP, POP or SMTP connection using OAuth", learn.microsoft.com/exchange).
 */
export const globalCloud: Cloud = Object.freeze({
  name: "Microsoft 365",
  authority: "https://login.microsoftonline.com",
  graph: "https://graph.microsoft.com",
  imapHost: "outlook.office365.com",
  imapScope: "https://outlook.office365.com/.default",
  imapUserScope: "https://outlook.office.com/IMAP.AccessAsUser.All",
});

/**
 * US Government GCC High. Sign-in and Graph are documented ("National cloud deployments"); IMAP host and application
 * scope are reported by users; the scope for a person is inferred from them.
 */
export const gccHighCloud: Cloud = Object.freeze({
  name: "Microsoft 365 GCC High",
  authority: "https://login.microsoftonline.us",
  graph: "https://graph.microsoft.us",
  imapHost: "outlook.office365.us",
  imapScope: "https://outlook.office365.us/.default",
  imapUserScope: "https://outlook.office365.us/IMAP.AccessAsUser.All",
});

/**
 * US Government DoD. Sign-in and Graph are documented ("National cloud deployments"); everything about IMAP is inferred
 * from the names of the other services: try it before you rely on it.
 */
export const dodCloud: Cloud = Object.freeze({
  name: "Microsoft 365 DoD",
  authority: "https://login.microsoftonline.us",
  graph: "https://dod-graph.microsoft.us",
  imapHost: "outlook-dod.office365.us",
  imapScope: "https://outlook-dod.office365.us/.default",
  imapUserScope: "https://outlook-dod.office365.us/IMAP.AccessAsUser.All",
});

/**
 * Microsoft 365 in China, operated by 21Vianet. Graph is documented ("National cloud deployments"); the sign-in host is
 * the one of Microsoft's sign-in library (the page also names `login.chinacloudapi.cn`); IMAP host and application scope
 * are reported by users; the scope for a person is inferred from them.
 */
export const china21VianetCloud: Cloud = Object.freeze({
  name: "Microsoft 365 operated by 21Vianet",
  authority: "https://login.partner.microsoftonline.cn",
  graph: "https://microsoftgraph.chinacloudapi.cn",
  imapHost: "partner.outlook.cn",
  imapScope: "https://partner.outlook.cn/.default",
  imapUserScope: "https://partner.outlook.cn/IMAP.AccessAsUser.All",
});
