import type { SimulatedRecipient } from "./mailbox.js";

/** One field, unfolded. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** The header block with the empty line behind it, and the rest. */
export function splitHeader(octets: Buffer): { readonly header: Buffer; readonly body: Buffer } {
  const end = octets.indexOf("\r\n\r\n");
  return end < 0
    ? { header: octets, body: Buffer.alloc(0) }
    : { header: octets.subarray(0, end + 4), body: octets.subarray(end + 4) };
}

export function headerFields(header: Buffer): HeaderField[] {
  const unfolded = header.toString("utf8").replace(/\r?\n(?=[ \t])/g, "");
  return unfolded.split(/\r?\n/).flatMap((line) => {
    const match = /^([!-9;-~]+)[ \t]*:[ \t]*(.*)$/s.exec(line);
    return match ? [{ name: match[1] ?? "", value: (match[2] ?? "").trim() }] : [];
  });
}

export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value;
}

/** The text behind encoded words (RFC 2047); words in an unknown charset stay as they are. */
export function decodeWords(value: string): string {
  const joined = value.replace(/(\?=)\s+(=\?)/g, "$1$2");
  return joined.replace(/=\?([^?*]+)(?:\*[^?]*)?\?([bq])\?([^?]*)\?=/gi, (word, charset, encoding, text) => {
    const octets = String(encoding).toLowerCase() === "b" ? Buffer.from(text, "base64") : quotedOctets(String(text));
    try {
      return new TextDecoder(String(charset)).decode(octets);
    } catch {
      return word;
    }
  });
}

function quotedOctets(text: string): Buffer {
  const octets = text
    .replaceAll("_", " ")
    .replace(/=([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(octets, "latin1");
}

/** The addresses of a field; enough for what tests send, no parser of RFC 5322's whole grammar. */
export function recipients(value: string | undefined): SimulatedRecipient[] {
  const parts = (value ?? "").match(/(?:"(?:\\.|[^"\\])*"|[^",])+/g) ?? [];
  return parts.flatMap((part) => {
    const angled = /^(.*)<([^<>]*)>\s*$/s.exec(part.trim());
    const address = (angled?.[2] ?? part).trim();
    if (address === "") return [];
    const name = decodeWords((angled?.[1] ?? "").trim().replace(/^"(.*)"$/s, "$1"));
    return [{ name: name || address, address }];
  });
}
