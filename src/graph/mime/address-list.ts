import { decodeWords } from "./encoded-words.js";

/** One recipient or sender, as people read it. */
export interface MailAddress {
  /** "" where there is none. */
  readonly name: string;
  /** `local@domain`, or whatever stood in its place. */
  readonly address: string;
}

/** The addresses of a field, and whether all of it was understood. */
export interface AddressList {
  readonly addresses: readonly MailAddress[];
  /** Something stands there that is no address. */
  readonly isDamaged: boolean;
}

/**
 * Reads a list of addresses (RFC 5322 section 3.4, with the obsolete forms of section 4.4). Members of a group count as
 * addresses, and its name is dropped; `undisclosed-recipients:;` is an empty list.
 */
export function parseAddresses(field: string): AddressList {
  const addresses: MailAddress[] = [];
  let isDamaged = false;
  for (const entry of splitEntries(field)) {
    const { name, address } = readEntry(entry);
    if (/^[^\s@<>,;]+@[^\s@<>,;]+$/.test(address) || /^"[^"]*"@[^\s@<>,;]+$/.test(address)) {
      addresses.push({ name, address });
    } else if (name !== "" || address !== "") {
      isDamaged = true;
    }
  }
  return { addresses, isDamaged };
}

/** One address with what stood around it. */
interface Entry {
  /** What stands outside of angle brackets and comments, with encoded words. */
  text: string;
  comment: string;
  /** What stood in angle brackets; absent where there were none. */
  angle?: string;
}

function readEntry({ text, comment, angle }: Entry): MailAddress {
  const phrase = text.trim().replace(/\s+/g, " ");
  if (angle === undefined) return { name: plain(comment), address: phrase.replace(/\s*([@.])\s*/g, "$1") };
  // An obsolete route stands before the address: <@a,@b:c@d>.
  const address = angle.trim().replace(/^@[^:]*:/, "");
  return { name: plain(phrase === "" ? comment : phrase), address };
}

function plain(phrase: string): string {
  return decodeWords(phrase.trim())
    .replace(/^"(.*)"$/s, "$1")
    .replace(/\\(.)/g, "$1")
    .trim();
}

function splitEntries(field: string): Entry[] {
  const entries: Entry[] = [];
  let entry: Entry = { text: "", comment: "" };
  let inside: "text" | "quotes" | "angle" = "text";
  let depth = 0;
  const end = (): void => {
    entries.push(entry);
    entry = { text: "", comment: "" };
  };
  const add = (characters: string): void => {
    if (inside === "angle") entry.angle += characters;
    else entry.text += characters;
  };
  for (let at = 0; at < field.length; at++) {
    const character = field.charAt(at);
    if (character === "\\" && (inside === "quotes" || depth > 0)) {
      const escaped = field.slice(at, ++at + 1);
      if (depth > 0) entry.comment += escaped.slice(1);
      else add(escaped);
    } else if (depth > 0) {
      depth += character === "(" ? 1 : character === ")" ? -1 : 0;
      if (depth > 0) entry.comment += character;
    } else if (character === '"') {
      if (inside !== "angle") inside = inside === "quotes" ? "text" : "quotes";
      add(character);
    } else if (inside === "quotes") add(character);
    else if (character === "(") depth = 1;
    else if (character === "<" && inside === "text") {
      inside = "angle";
      entry.angle = "";
    } else if (character === ">" && inside === "angle") inside = "text";
    else if (inside === "angle") add(character);
    else if (character === "," || character === ";") end();
    else if (character === ":" && !entry.text.includes("@")) entry = { text: "", comment: "" };
    else add(character);
  }
  end();
  return entries;
}
