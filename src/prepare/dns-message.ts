import { MigrationError } from "../errors.js";

/** One answer to a question for MX records. */
export interface MxAnswer {
  /** Empty where the domain has none. */
  readonly records: readonly MxRecord[];
  /** Seconds for which resolvers may keep the answer, the shortest of the records; absent where it is not known. */
  readonly ttl?: number;
}

export interface MxRecord {
  /** The mail server's name, in lower case and without the final dot; empty for "no mail here" (RFC 7505). */
  readonly exchange: string;
  /** The lowest is tried first (RFC 5321 section 5.1). */
  readonly preference: number;
}

const MX = 15;
const INTERNET = 1;
const HEADER_OCTETS = 12;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
/** A pointer points backwards, so that no honest name has more steps than this. */
const MOST_LABELS = 128;

/** A question for the MX records of a domain in ASCII (RFC 1035 section 4), recursion wanted. */
export function mxQuestion(id: number, domain: string): Buffer {
  const labels = domain.split(".").map((label) => Buffer.from(label, "ascii"));
  const name = labels.flatMap((label) => [Buffer.of(label.length), label]);
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...name, Buffer.from([0, 0, MX, 0, INTERNET])]);
}

/** True where the answer did not fit and has to be asked for over TCP. */
export function isTruncated(message: Buffer): boolean {
  return message.length >= HEADER_OCTETS && (message.readUInt8(2) & 0x02) !== 0;
}

/** True for an answer to this very question; everything else on the line is somebody else's, or forged. */
export function answers(message: Buffer, question: Buffer): boolean {
  const isAnswer = message.length >= question.length && (message.readUInt8(2) & 0x80) !== 0;
  if (!isAnswer || message.readUInt16BE(0) !== question.readUInt16BE(0) || message.readUInt16BE(4) !== 1) return false;
  const asked = (from: Buffer) => from.toString("latin1", HEADER_OCTETS, question.length).toLowerCase();
  return asked(message) === asked(question);
}

/** @throws MigrationError `dns-failed` where the resolver could not tell, or sent what nobody can read */
export function readMxAnswer(message: Buffer, question: Buffer): MxAnswer {
  const code = message.readUInt8(3) & 0x0f;
  if (code === NO_SUCH_NAME) return { records: [] };
  if (code !== NO_ERROR) throw new MigrationError("dns-failed", `The resolver answered with code ${code}`);
  try {
    return readRecords(message, question.length);
  } catch (cause) {
    throw new MigrationError("dns-failed", "The resolver's answer cannot be read", { cause });
  }
}

function readRecords(message: Buffer, from: number): MxAnswer {
  const records: MxRecord[] = [];
  let ttl = Number.POSITIVE_INFINITY;
  let at = from;
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    at = readName(message, at).next;
    const [type, klass, seconds, length] = [
      message.readUInt16BE(at),
      message.readUInt16BE(at + 2),
      message.readUInt32BE(at + 4),
      message.readUInt16BE(at + 8),
    ];
    at += 10;
    // Aliases (CNAME) stand in the same answer, and their life counts too.
    ttl = Math.min(ttl, seconds);
    if (type === MX && klass === INTERNET) {
      records.push({ preference: message.readUInt16BE(at), exchange: readName(message, at + 2).name.toLowerCase() });
    }
    at += length;
  }
  records.sort((one, other) => one.preference - other.preference || (one.exchange < other.exchange ? -1 : 1));
  return records.length > 0 ? { records, ttl } : { records };
}

/** A name, and where the next field begins (RFC 1035 section 4.1.4). */
function readName(message: Buffer, from: number): { name: string; next: number } {
  const labels: string[] = [];
  let next: number | undefined;
  let at = from;
  for (let step = 0; step < MOST_LABELS; step++) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: labels.join("."), next: next ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      next ??= at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
      continue;
    }
    if (at + 1 + length > message.length) break;
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  throw new Error("a name without end");
}
