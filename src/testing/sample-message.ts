import type { Flag } from "../mail/flags.js";

/** A message as a mailbox holds it. */
export interface StoredMessage {
  /** The RFC 5322 octets. */
  readonly octets: Uint8Array;
  readonly flags: ReadonlySet<Flag>;
  readonly internalDate: Date;
}

/** What may differ from the usual in a sample message. */
export interface SampleOptions {
  /** Exactly so many octets, filled up with lines of text; at least as many as the header needs. */
  octets?: number;
  /** Default none. */
  flags?: readonly Flag[];
  /** Default 2001-02-03T04:05:06Z. */
  internalDate?: Date;
  /** Text of the body; default one line. */
  body?: string;
}

/** A message as people write it: a few header fields, lines that end in CRLF. Equal arguments give equal octets. */
export function sampleMessage(subject: string, options: SampleOptions = {}): StoredMessage {
  const { flags = [], internalDate = new Date("2001-02-03T04:05:06Z"), body = "Good morning.\r\n" } = options;
  const header = [
    "From: Terry Adams <terry.adams@contoso.example>",
    "To: Ann Beebe <ann.beebe@contoso.example>",
    `Subject: ${subject}`,
    "Date: Sat, 3 Feb 2001 04:05:06 +0000",
    `Message-ID: <${Buffer.from(subject).toString("hex")}@contoso.example>`,
    "",
    "",
  ].join("\r\n");
  const octets = Buffer.from(options.octets === undefined ? header + body : filled(header, options.octets));
  return { octets, flags: new Set(flags), internalDate };
}

/** A message of exactly these octets. */
export function rawMessage(octets: string | Uint8Array, options: Pick<SampleOptions, "flags" | "internalDate"> = {}) {
  return { ...sampleMessage("", options), octets: Buffer.from(octets) } satisfies StoredMessage;
}

const LINE = "The quick brown fox jumps over the lazy dog, again and again.\r\n";

function filled(header: string, octets: number): string {
  const room = octets - header.length;
  if (room < 2) throw new RangeError(`a message with this header has at least ${header.length + 2} octets`);
  const lines = Math.floor((room - 2) / LINE.length);
  return `${header}${LINE.repeat(lines)}${"-".repeat(room - 2 - lines * LINE.length)}\r\n`;
}
