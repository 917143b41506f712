import { foldLevel } from "./folder-pattern.js";
import type { SpecialUse } from "./special-use.js";

/**
 * What clients call these folders where the server does not say what it keeps them for (RFC 6154 came late, and Courier
 * never took it up): Outlook, Apple Mail, Thunderbird and webmail in English, German, French, Spanish and Italian.
 */
const NAMES: Readonly<Partial<Record<SpecialUse, readonly string[]>>> = {
  "\\Sent": [
    ...["Sent", "Sent Items", "Sent Messages", "Sent Mail"],
    ...["Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten"],
    ...["Envoyés", "Éléments envoyés", "Messages envoyés"],
    ...["Enviados", "Elementos enviados", "Mensajes enviados"],
    ...["Inviata", "Inviati", "Posta inviata", "Elementi inviati"],
  ],
  "\\Drafts": ["Drafts", "Entwürfe", "Brouillons", "Borradores", "Bozze"],
  "\\Trash": [
    ...["Trash", "Deleted Items", "Deleted Messages"],
    ...["Papierkorb", "Gelöschte Elemente", "Gelöschte Objekte"],
    ...["Corbeille", "Éléments supprimés"],
    ...["Papelera", "Elementos eliminados"],
    ...["Cestino", "Posta eliminata", "Elementi eliminati"],
  ],
  "\\Junk": [
    ...["Junk", "Junk Email", "Junk E-mail", "Junk Mail", "Spam"],
    ...["Junk-E-Mail", "Courrier indésirable", "Indésirables", "Correo no deseado", "Posta indesiderata"],
  ],
};

const USES = new Map(
  Object.entries(NAMES).flatMap(([use, names]) => names.map((name) => [foldLevel(name), use as SpecialUse] as const)), // Object.entries types its keys as string
);

/** The special use that this name of a folder stands for in one of five languages; undefined for all other names. */
export function specialUseOfName(name: string): SpecialUse | undefined {
  return USES.get(foldLevel(name));
}
