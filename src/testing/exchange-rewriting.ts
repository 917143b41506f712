import { createHash } from "node:crypto";

const LINE = 76;
const ADDED = ["X-MS-Has-Attach", "X-MS-TNEF-Correlator"];
const SIGNED = /^content-type:\s*(?:multipart\/signed|application\/(?:x-)?pkcs7-mime)/im;

/**
 * The message as Exchange gives it back: built again from what it keeps, so that no octet may be relied upon. The order of
 * the header and every content stay; folding and boundaries are others, two fields of Exchange's own are added, and the
 * size is another. What is signed or encrypted keeps its body.
 */
export function rebuiltByExchange(octets: Buffer): Buffer {
  const end = octets.indexOf("\r\n\r\n");
  const header = (end < 0 ? octets : octets.subarray(0, end)).toString("latin1");
  const body = end < 0 ? "" : octets.toString("latin1", end + 4);
  const fields = header.split(/\r\n(?![ \t])/).filter((field) => field !== "");
  for (const name of ADDED) if (!hasField(fields, name)) fields.push(`${name}: `);
  const rebuilt = `${fields.map(refold).join("\r\n")}\r\n\r\n${body}`;
  return Buffer.from(SIGNED.test(header) ? rebuilt : withOtherBoundaries(rebuilt), "latin1");
}

const hasField = (fields: readonly string[], name: string): boolean =>
  fields.some((field) => field.toLowerCase().startsWith(`${name.toLowerCase()}:`));

/** One line, folded anew with a tab wherever a word would stand beyond column 76. */
function refold(field: string): string {
  const words = field.replace(/\r\n(?=[ \t])/g, "").split(/(?=[ \t]+[^ \t])/);
  let folded = "";
  let column = 0;
  for (const word of words) {
    const isTooLong = column + word.length > LINE && column > 0 && folded.includes(": ");
    folded += isTooLong ? `\r\n${word}` : word;
    column = isTooLong ? word.length : column + word.length;
  }
  return folded;
}

function withOtherBoundaries(message: string): string {
  const found = [...message.matchAll(/\bboundary=(?:"([^"\r\n]+)"|([^\s;"]+))/gi)];
  const boundaries = new Set(found.map(([, quoted, bare]) => quoted ?? bare ?? ""));
  let rebuilt = message;
  for (const boundary of boundaries) {
    const other = `_000_${createHash("sha256").update(boundary).digest("hex").slice(0, 24)}_`;
    const literal = boundary.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    rebuilt = rebuilt
      .replace(new RegExp(`(?<=^|\\r\\n)--${literal}(?=(?:--)?[ \\t]*(?:\\r\\n|$))`, "g"), `--${other}`)
      .replace(new RegExp(`(boundary=)(?:"${literal}"|${literal}(?=[\\s;]|$))`, "gi"), `$1"${other}"`);
  }
  return rebuilt;
}
