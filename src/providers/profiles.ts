import { gmailThrottle, type ThrottleProfile } from "../throttle-profiles.js";
import type { ProviderFolderRules, ProviderProfile } from "./provider-profile.js";

/** Servers without labels: `\All` and `\Flagged` are searches that the server keeps. */
const plainFolders: ProviderFolderRules = Object.freeze({
  views: Object.freeze({
    "\\All": "Nothing is lost: each message is copied from the folder that it stands in.",
    "\\Flagged": "Nothing is lost: each message is copied from its folder, with the flag.",
  }),
  rest: Object.freeze([]),
});

const atOnce = (name: string, mostAtOnce?: number): ThrottleProfile =>
  Object.freeze({ name, ...(mostAtOnce !== undefined && { mostAtOnce }) });

/**
 * Gmail and Google Workspace. A message exists once and shows in the folder of each label; All Mail shows every message
 * but those in Spam and Trash, and is the only folder of archived mail without a label ("IMAP Extensions",
 * developers.google.com/workspace/gmail/imap/imap-extensions). Google publishes the limits for
 * Workspace, those of free accounts may be lower.
 */
export const gmail: ProviderProfile = Object.freeze({
  name: "Gmail",
  remoteServer: "imap.gmail.com",
  port: 993,
  security: "Ssl",
  throttle: gmailThrottle,
  login: Object.freeze({ password: "app-password" }),
  folders: Object.freeze({
    views: Object.freeze({
      "\\Flagged": "Nothing is lost: starred messages stand in other folders too, and keep the star as a flag.",
      "\\Important": "Gmail's importance marker is lost; the messages stand in other folders too.",
    }),
    rest: Object.freeze(["\\All"] as const),
    labels: "each",
  }),
  notes: Object.freeze([
    "Settings, Forwarding and POP/IMAP, Folder size limits: none may be set, or IMAP hides all but the newest 1,000 to 10,000 messages of each folder.",
    "Settings, Labels: a label, and All Mail itself, is migrated only where Show in IMAP is on.",
    "A mailbox of more than 2,500 MB takes several days; every copy of a message counts.",
    "An app password needs 2-Step Verification; a Workspace administrator can forbid app passwords.",
    "Labels of the category tabs, snoozed and scheduled states and conversations are not mail folders and are not migrated.",
  ]),
});

/**
 * Yahoo and AOL. Its limits are not published; it announces `MESSAGELIMIT=1000` (RFC 9738), the most messages that one
 * command may be about ("Yahoo IMAP/SMTP", senders.yahooinc.com/developer/documentation).
 */
export const yahoo: ProviderProfile = Object.freeze({
  name: "Yahoo",
  remoteServer: "imap.mail.yahoo.com",
  port: 993,
  security: "Ssl",
  throttle: atOnce("yahoo"),
  login: Object.freeze({ password: "app-password" }),
  folders: plainFolders,
  notes: Object.freeze([
    "Each person makes an app password: Account security, Generate app password.",
    "A folder of more than 1,000 messages is listed by several commands (MESSAGELIMIT, RFC 9738).",
  ]),
});

/** Zimbra Collaboration. Limits are set by each installation. */
export const zimbra: ProviderProfile = Object.freeze({
  name: "Zimbra",
  throttle: atOnce("zimbra"),
  login: Object.freeze({ password: "password", administrator: "authenticationId" }),
  folders: plainFolders,
  notes: Object.freeze([
    "Saved searches can show as folders that nothing tells from real ones: switch them off for IMAP (zimbraPrefImapSearchFoldersEnabled FALSE) or exclude them by name.",
    "Folders that others have shared with the user show among the user's own: exclude them by name.",
    "Two-factor accounts need an application passcode instead of the password.",
  ]),
});

/** Courier IMAP. `MAXPERIP` is 4 where the installation did not raise it (the `imapd` configuration file). */
export const courier: ProviderProfile = Object.freeze({
  name: "Courier",
  throttle: atOnce("courier"),
  mostConnectionsFromOneAddress: 4,
  login: Object.freeze({ password: "password", administrator: "courierUserRoot" }),
  folders: plainFolders,
  notes: Object.freeze([
    "Raise MAXPERIP, and MAXDAEMONS with it, to the number of mailboxes at a time, or lower maxConcurrentMigrations.",
    "It announces no special uses: sent mail, drafts and junk are known by their names.",
  ]),
});

/** Cyrus IMAP. It has no limit of connections unless `maxlogins_per_user` or `maxlogins_per_host` is set (imapd.conf). */
export const cyrus: ProviderProfile = Object.freeze({
  name: "Cyrus",
  throttle: atOnce("cyrus"),
  login: Object.freeze({ password: "password", administrator: "authenticationId" }),
  folders: plainFolders,
  notes: Object.freeze([
    "The administrator must be in proxyservers or admins, and SASL PLAIN must be offered.",
    "Mail that was deleted with delayed expunge is not visible and not migrated.",
  ]),
});

/** Dovecot. 10 connections of one user from one address unless `mail_max_userip_connections` says otherwise. */
export const dovecot: ProviderProfile = Object.freeze({
  name: "Dovecot",
  throttle: atOnce("dovecot", 10),
  login: Object.freeze({ password: "password", administrator: "dovecotLogin" }),
  folders: plainFolders,
  notes: Object.freeze([
    "With a master user set mail_max_userip_connections = 0 for the migration where it counts for the master.",
    "Folders of the virtual plugin without a special use cannot be told from real ones: exclude them by name.",
  ]),
});

/**
 * Exchange Server (on-premises), over IMAP. 16 connections a user, 2,000 an address ("Set connection limits for IMAP4",
 * learn.microsoft.com/previous-versions/office/exchange-server-2010/bb123712; Set-ImapSettings).
 */
export const exchangeOnPremises: ProviderProfile = Object.freeze({
  name: "Exchange Server",
  throttle: atOnce("exchange-on-premises", 16),
  mostConnectionsFromOneAddress: 2_000,
  login: Object.freeze({ password: "password", administrator: "exchangeLogin" }),
  folders: plainFolders,
  notes: Object.freeze([
    "The IMAP4 service is off after installation: start it, and switch IMAP on for the mailboxes (Set-CASMailbox -ImapEnabled $true).",
    "Set-ImapSettings -EnableExactRFC822Size $true makes the sizes that it lists exact; it is slower.",
    "Calendar, Contacts, Journal, Notes and Tasks show as folders of mail: exclude them, IMAP has no better form of their items.",
    "A mailbox replication (cutover or hybrid) keeps more than IMAP can: prefer it where the server allows it.",
  ]),
});
