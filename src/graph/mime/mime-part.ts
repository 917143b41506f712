import { type HeaderFields, parseEntity } from "./header-fields.js";
import { type ParameterisedValue, parseParameters } from "./parameters.js";

/** Parts within parts that are looked into; what lies deeper is one piece of octets. */
const MAX_DEPTH = 24;
/** Parts of one message that are told apart; what comes after is part of the last. */
const MAX_PARTS = 1_000;
const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;

/** A message or one of its parts (RFC 2046). Everything is a view of the message's own octets. */
export interface MimePart {
  readonly header: HeaderFields;
  /** The octets of the header block. */
  readonly block: Buffer;
  /** `text/plain` and such, with its parameters; what RFC 2045 section 5.2 says where the part itself does not. */
  readonly type: ParameterisedValue;
  readonly disposition: ParameterisedValue;
  /** Still in its transfer encoding. */
  readonly body: Buffer;
  /** Of a multipart; empty for every other part. */
  readonly parts: readonly MimePart[];
  /** It calls itself a multipart and is none, is not closed, or is nested too deep. */
  readonly isBroken: boolean;
}

/** Reads the structure of a message. Never throws: what has no structure is one part of text. */
export function parseMime(octets: Buffer): MimePart {
  return parsePart(octets, "text/plain", { depth: 0, count: 0 });
}

interface Course {
  depth: number;
  /** Parts of the whole message so far. */
  count: number;
}

function parsePart(octets: Buffer, defaultType: string, course: Course): MimePart {
  const { header, block, body } = parseEntity(octets);
  const named = parseParameters(header.raw("content-type"));
  const type = /^[^\s/]+\/[^\s/]+$/.test(named.value) ? named : { ...named, value: defaultType };
  const disposition = parseParameters(header.raw("content-disposition"));
  const leaf = { header, block, type, disposition, body, parts: [], isBroken: false };
  if (!type.value.startsWith("multipart/")) return leaf;
  const boundary = (type.parameters.get("boundary") ?? "").trimEnd();
  const room = course.depth < MAX_DEPTH ? MAX_PARTS - course.count : 0;
  const { bodies, isClosed } = boundary === "" ? NO_BODIES : splitAt(body, boundary, room);
  if (bodies.length === 0) return { ...leaf, type: { ...type, value: "text/plain" }, isBroken: true };
  course.count += bodies.length;
  course.depth += 1;
  const childType = type.value === "multipart/digest" ? "message/rfc822" : "text/plain";
  const parts = bodies.map((part) => parsePart(part, childType, course));
  course.depth -= 1;
  return { ...leaf, parts, isBroken: !isClosed };
}

interface Split {
  readonly bodies: readonly Buffer[];
  readonly isClosed: boolean;
}

const NO_BODIES: Split = { bodies: [], isClosed: false };

/** What stands between the delimiter lines (RFC 2046 section 5.1.1); at most `most` pieces. */
function splitAt(body: Buffer, boundary: string, most: number): Split {
  const delimiter = Buffer.from(`--${boundary}`, "latin1");
  const bodies: Buffer[] = [];
  let start: number | undefined;
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + 1)) {
    const line = delimiterLine(body, at, at + delimiter.length);
    if (!line) continue;
    if (start !== undefined && (bodies.length < most - 1 || line.isLast)) bodies.push(body.subarray(start, line.start));
    else if (start !== undefined) continue;
    if (line.isLast) return { bodies: most > 0 ? bodies : [], isClosed: true };
    start = line.end;
  }
  if (start !== undefined && most > 0) bodies.push(body.subarray(start));
  return { bodies: most > 0 ? bodies : [], isClosed: false };
}

interface DelimiterLine {
  /** Where the part before it ends: the line end in front belongs to the delimiter. */
  readonly start: number;
  readonly end: number;
  readonly isLast: boolean;
}

function delimiterLine(body: Buffer, at: number, afterBoundary: number): DelimiterLine | undefined {
  if (at > 0 && body[at - 1] !== LF) return undefined;
  let end = afterBoundary;
  const isLast = body[end] === DASH && body[end + 1] === DASH;
  if (isLast) end += 2;
  while (body[end] === 0x20 || body[end] === 0x09 || body[end] === CR) end++;
  if (end < body.length && body[end] !== LF) return undefined;
  const lineEnd = at === 0 ? 0 : body[at - 2] === CR ? 2 : 1;
  return { start: at - lineEnd, end: Math.min(end + 1, body.length), isLast };
}
