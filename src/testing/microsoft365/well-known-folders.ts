/** Names that stand for a folder's id in every language (Graph, "mailFolder resource type"). */
export type WellKnownFolder =
  | "msgfolderroot"
  | "inbox"
  | "sentitems"
  | "deleteditems"
  | "drafts"
  | "junkemail"
  | "archive"
  | "outbox"
  | "conversationhistory"
  | "syncissues"
  | "conflicts"
  | "localfailures"
  | "serverfailures"
  | "recoverableitemsdeletions";

/** The languages in which a simulated mailbox can have its folders. */
export type MailboxLanguage = "en" | "de" | "fr" | "es";

/** Where a well-known folder stands, and whether lists leave it out. */
interface Place {
  readonly parent?: WellKnownFolder;
  readonly isHidden?: true;
}

/** In the order in which they are made; a parent comes before its children. */
export const PLACES: readonly (readonly [WellKnownFolder, Place])[] = [
  ["archive", { parent: "msgfolderroot" }],
  ["conversationhistory", { parent: "msgfolderroot" }],
  ["deleteditems", { parent: "msgfolderroot" }],
  ["drafts", { parent: "msgfolderroot" }],
  ["inbox", { parent: "msgfolderroot" }],
  ["junkemail", { parent: "msgfolderroot" }],
  ["outbox", { parent: "msgfolderroot" }],
  ["sentitems", { parent: "msgfolderroot" }],
  ["syncissues", { parent: "msgfolderroot", isHidden: true }],
  ["conflicts", { parent: "syncissues", isHidden: true }],
  ["localfailures", { parent: "syncissues", isHidden: true }],
  ["serverfailures", { parent: "syncissues", isHidden: true }],
  ["recoverableitemsdeletions", { isHidden: true }],
];

const ENGLISH: Readonly<Record<WellKnownFolder, string>> = {
  msgfolderroot: "Top of Information Store",
  inbox: "Inbox",
  sentitems: "Sent Items",
  deleteditems: "Deleted Items",
  drafts: "Drafts",
  junkemail: "Junk Email",
  archive: "Archive",
  outbox: "Outbox",
  conversationhistory: "Conversation History",
  syncissues: "Sync Issues",
  conflicts: "Conflicts",
  localfailures: "Local Failures",
  serverfailures: "Server Failures",
  recoverableitemsdeletions: "Deletions",
};

const TRANSLATED: Readonly<Record<MailboxLanguage, Partial<Record<WellKnownFolder, string>>>> = {
  en: {},
  de: {
    inbox: "Posteingang",
    sentitems: "Gesendete Elemente",
    deleteditems: "Gelöschte Elemente",
    drafts: "Entwürfe",
    junkemail: "Junk-E-Mail",
    archive: "Archiv",
    outbox: "Postausgang",
    conversationhistory: "Aufgezeichnete Unterhaltungen",
    syncissues: "Synchronisierungsprobleme",
  },
  fr: {
    inbox: "Boîte de réception",
    sentitems: "Éléments envoyés",
    deleteditems: "Éléments supprimés",
    drafts: "Brouillons",
    junkemail: "Courrier indésirable",
    outbox: "Boîte d’envoi",
    conversationhistory: "Historique des conversations",
    syncissues: "Problèmes de synchronisation",
  },
  es: {
    inbox: "Bandeja de entrada",
    sentitems: "Elementos enviados",
    deleteditems: "Elementos eliminados",
    drafts: "Borradores",
    junkemail: "Correo no deseado",
    archive: "Archivo",
    outbox: "Bandeja de salida",
    conversationhistory: "Historial de conversaciones",
    syncissues: "Problemas de sincronización",
  },
};

export function wellKnownName(folder: WellKnownFolder, language: MailboxLanguage): string {
  return TRANSLATED[language][folder] ?? ENGLISH[folder];
}
