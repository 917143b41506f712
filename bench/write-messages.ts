import type { SeededRandom } from "./seeded-random.js";

const WORDS = 3_000;
const TEXT_OCTETS = 2_000_000;
const BINARY_OCTETS = 6_000_000;
/** A cut starts at least so far before the end of its pool. */
const LAST_CUT_OCTETS = 200_000;
/** Smaller messages are text alone, most larger ones have an attachment. */
const TEXT_ONLY_OCTETS = 40_000;

/** Writes messages with the headers, encodings and faults of real mail. Bodies are cut out of two pools, which is fast. */
export class MessageWriter {
  readonly #random: SeededRandom;
  readonly #words: readonly string[];
  readonly #text: Buffer;
  readonly #base64: Buffer;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#words = Array.from({ length: WORDS }, () => word(random));
    this.#text = this.#textPool();
    this.#base64 = base64Pool(random);
  }

  /** A message of about that many octets, never fewer than its header and a line need; `date` in Unix seconds. */
  write(number: number, octets: number, date: number): Buffer {
    const header = this.#header(number, date);
    if (octets < TEXT_ONLY_OCTETS || this.#random.chance(0.1)) {
      header.push("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", "");
      const head = Buffer.from(header.join("\r\n"));
      return Buffer.concat([head, this.#cut(this.#text, Math.max(60, octets - head.length))]);
    }
    return this.#withAttachment(header, number, octets);
  }

  #withAttachment(header: string[], number: number, octets: number): Buffer {
    const boundary = `=_b${number}`;
    const head = [
      ...header,
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      "",
      `--${boundary}`,
      "Content-Type: text/plain; charset=us-ascii",
      "",
      "",
    ].join("\r\n");
    const between = [
      `--${boundary}`,
      `Content-Type: application/octet-stream; name=a${number}.bin`,
      "Content-Transfer-Encoding: base64",
      "Content-Disposition: attachment",
      "",
      "",
    ].join("\r\n");
    const text = this.#cut(this.#text, 3_000);
    const left = octets - head.length - text.length - between.length;
    const parts = [Buffer.from(head), text, Buffer.from(between), this.#cut(this.#base64, left)];
    return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  }

  #header(number: number, date: number): string[] {
    const random = this.#random;
    const sender = `s${number % 97}@example.org`;
    const words = Array.from({ length: random.between(2, 7) }, () => random.pick(this.#words)).join(" ");
    const subject = random.chance(0.15) ? encodedWord(`Grüße äöü ${words}`) : words;
    const mx = `mx${number % 7}.example.org`;
    return [
      `Return-Path: <${sender}>`,
      `Received: from ${mx} (${mx} [192.0.2.${number % 250}])`,
      `\tby mail.example.net with ESMTPS id ${number.toString(16).padStart(8, "0")}; ${headerDate(date)}`,
      `From: ${random.pick(this.#words)} ${random.pick(this.#words)} <${sender}>`,
      "To: user@example.net",
      `Subject: ${subject}`,
      `Date: ${headerDate(date - random.between(0, 600))}`,
      "MIME-Version: 1.0",
      ...this.#messageId(number),
    ];
  }

  /** One message in a hundred has none, another one shares it with others. */
  #messageId(number: number): string[] {
    const kind = this.#random.next();
    if (kind < 0.01) return [];
    if (kind < 0.02) return [`Message-ID: <duplicate.${number % 5}@example.org>`];
    return [`Message-ID: <${number}.${this.#random.between(0, 2 ** 32 - 1).toString(16)}@example.org>`];
  }

  /** Whole lines of a pool, as many as fit into so many octets. */
  #cut(pool: Buffer, octets: number): Buffer {
    const pieces: Buffer[] = [];
    for (let left = octets; left > 0; ) {
      const start = pool.indexOf("\r\n", this.#random.between(0, pool.length - LAST_CUT_OCTETS)) + 2;
      const piece = pool.subarray(start, start + left);
      pieces.push(piece);
      left -= piece.length;
    }
    const all = Buffer.concat(pieces);
    const end = all.lastIndexOf("\r\n");
    return end < 0 ? Buffer.concat([all, Buffer.from("\r\n")]) : all.subarray(0, end + 2);
  }

  #textPool(): Buffer {
    const lines: string[] = [];
    for (let octets = 0; octets < TEXT_OCTETS; ) {
      const line = Array.from({ length: 11 }, () => this.#random.pick(this.#words)).join(" ");
      lines.push(line);
      octets += line.length;
    }
    return Buffer.from(`${lines.join("\r\n")}\r\n`);
  }
}

function base64Pool(random: SeededRandom): Buffer {
  const octets = Buffer.alloc(BINARY_OCTETS);
  for (let at = 0; at < octets.length; at += 4) octets.writeUInt32LE(random.between(0, 2 ** 32 - 1), at);
  return Buffer.from(octets.toString("base64").replace(/.{1,76}/g, "$&\r\n"));
}

function word(random: SeededRandom): string {
  const letters = Array.from({ length: random.between(2, 9) }, () => random.between(97, 122));
  return String.fromCharCode(...letters);
}

function encodedWord(text: string): string {
  return `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
}

function headerDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
}
