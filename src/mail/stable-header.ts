import { createHash } from "node:crypto";

/** What of a header block stays the same when a target builds it anew. */
export interface StableHeader {
  /** Message-ID without blanks; "" where there is none. */
  readonly messageId: string;
  /** SHA-256 in hex over sender, recipients, subject and date; "" where the header has none of them. */
  readonly digest: string;
}

/** Exchange keeps 255 characters of a subject. */
const SUBJECT_CHARACTERS = 200;
const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi;

/**
 * What is left of a header block when everything is taken away that a server may write otherwise when it stores a
 * message as a MAPI item and builds MIME anew: order, folding, case and blanks; encoded words or raw octets (RFC 2047);
 * how a name is quoted; the time zone of a date. Of addresses the addresses alone count, of a subject its beginning.
 */
export function stableHeader(header: Uint8Array): StableHeader {
  const fields = firstFields(header);
  const addresses = (name: string) =>
    [...new Set(decoded(fields.get(name) ?? "").match(/[^\s<>()[\]:;,"]+@[^\s<>()[\]:;,"]+/g) ?? [])]
      .map((address) => address.toLowerCase())
      .sort()
      .join(" ");
  const values = [addresses("from"), addresses("to"), subjectOf(fields), instantOf(fields.get("date") ?? "")];
  const isEmpty = values.every((value) => value === "");
  return {
    messageId: (fields.get("message-id") ?? "").replace(/\s+/g, ""),
    digest: isEmpty ? "" : createHash("sha256").update(JSON.stringify(values)).digest("hex"),
  };
}

function subjectOf(fields: ReadonlyMap<string, string>): string {
  const letters = decoded(fields.get("subject") ?? "")
    .normalize("NFC")
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, "");
  return [...letters].slice(0, SUBJECT_CHARACTERS).join("");
}

/** Seconds since 1970; "" for a date that cannot be read, which a server may replace. */
function instantOf(date: string): string {
  const milliseconds = Date.parse(date.replace(/\([^()]*\)/g, "").trim());
  return Number.isNaN(milliseconds) ? "" : String(Math.floor(milliseconds / 1000));
}

/** The first field of each name, unfolded (RFC 5322 section 2.2.3), by its name in lower case. */
function firstFields(header: Uint8Array): Map<string, string> {
  const lines = textOf(header)
    .replace(/\r\n|\r/g, "\n")
    .replace(/\n(?=[ \t])/g, "")
    .split("\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase();
    if (name !== "" && !fields.has(name)) fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** 8-bit octets are UTF-8 where they can be (RFC 6532), else one character each. */
function textOf(octets: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch {
    return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
  }
}

/** Encoded words as text; blanks between two of them count for nothing (RFC 2047 section 6.2). */
function decoded(text: string): string {
  return text
    .replace(/(\?=)\s+(?==\?)/g, "$1")
    .replace(ENCODED_WORD, (word, charset: string, encoding: string, content: string) => {
      const octets =
        encoding.toLowerCase() === "b"
          ? Buffer.from(content, "base64")
          : Buffer.from(
              content
                .replaceAll("_", " ")
                .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
              "latin1",
            );
      try {
        return new TextDecoder(charset).decode(octets);
      } catch {
        return word; // a charset that nobody knows
      }
    });
}
