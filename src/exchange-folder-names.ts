import type { FolderNameRules } from "./mail/mail-target.js";

/** Which names Exchange Online takes for folders of mail, by whatever route. */
export const exchangeFolderNames = {
  delimiter: "/",
  caseInsensitive: true,
  /** Our own caution: Microsoft documents no length. */
  maxLevelLength: 250,
  /** A university's copy of "Exchange Online limits". */
  maxLevels: 300,
  /**
   * `Files` is reported to be refused over IMAP. The others are what a mailbox in English calls its folders that hold no
   * mail, and that are listed nowhere: a message in one of them would be seen by nobody.
   */
  reserved: ["Files", "Calendar", "Contacts", "Journal", "Notes", "Tasks"],
  prefix: [],
} as const satisfies FolderNameRules;
