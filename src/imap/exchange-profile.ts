import { exchangeFolderNames } from "../exchange-folder-names.js";
import type { Flag } from "../mail/flags.js";
import type { TargetCapabilities } from "../mail/mail-target.js";

/**
 * Octets that Exchange Online takes for a message on the wire, unless its administrator has set more: the tenant's 35 MB
 * with the encoding on top (imapsync's FAQ.Office365.txt; Microsoft names 35 MB in "Migrating IMAP mailboxes").
 */
export const EXCHANGE_MESSAGE_OCTETS = 45_000_000;
/** What `Set-Mailbox -MaxReceiveSize` can be set to at most. */
export const EXCHANGE_MOST_MESSAGE_OCTETS = 150 * 1024 * 1024;
/** Appends under way in one mailbox: our own caution, for a server that throttles and closes after about ten refusals. */
export const EXCHANGE_CONCURRENT_APPENDS = 16;

/** What is known of Exchange Online and not announced by it. */
export function exchangeCapabilities(own: {
  readonly maxMessageSize: number;
  readonly maxConcurrentAppends: number;
}): TargetCapabilities {
  return {
    ...own,
    // Octets are the same for no message: the server stores MAPI and builds MIME anew.
    loses: ["octets", "keyword", "flag"],
    rewrites: true,
    // LIST could not be asked for a folder with one of these in its name.
    names: { ...exchangeFolderNames, forbidden: "*%" },
  };
}

/** How the flags of one message get to Exchange Online. */
export interface ExchangeFlags {
  /** Sent with the message. */
  readonly kept: readonly Flag[];
  /** `\Flagged`, which is lost in Outlook where it comes with APPEND, and kept where STORE sets it afterwards. */
  readonly flagged: boolean;
  /** Whether there are flags that it does not take; `$MDNSent` is one, for it would become a category. */
  readonly losesKeywords: boolean;
}

const TAKEN = new Set(["\\seen", "\\answered", "\\deleted", "\\draft"]);

export function exchangeFlags(flags: ReadonlySet<Flag>): ExchangeFlags {
  const names = [...flags].filter((flag) => !["\\flagged", "\\recent"].includes(flag.toLowerCase()));
  const kept = names.filter((flag) => TAKEN.has(flag.toLowerCase()));
  return {
    kept,
    flagged: [...flags].some((flag) => flag.toLowerCase() === "\\flagged"),
    losesKeywords: kept.length < names.length,
  };
}
