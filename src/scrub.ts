const MASK = "•••";
const MAX_LENGTH = 1000;
/** Below this many characters a mask inside a word gives the secret away: `f•••iled` can only have been an `a`. */
const SHORT = 4;

/** A half-open range of positions in a text. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * A server's text in a form that may stand in an error, a log or a report: without secrets, without control characters,
 * and at most 1,000 characters long.
 *
 * - Each secret becomes `•••`, whatever the case of its ASCII letters, also where it stands percent-encoded, as hex, in
 *   quoted-string or JSON escapes, or as UTF-8 read as Latin-1. A run of base64 or base64url that holds a secret at any
 *   alignment is masked whole, and with it the responses of SASL PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER.
 * - A text in which a secret of one to three characters is found is withheld: all of it becomes `•••`.
 * - Line breaks and tabs become a space, every other control character, bidirectional control and lone surrogate a `?`.
 *   They are replaced, not removed, so that no secret comes together from its pieces.
 *
 * Empty secrets are ignored. A secret that the server sends in pieces or in a code of its own is not recognised.
 */
export function scrub(text: string, secrets: readonly string[]): string {
  const masked: Range[] = [];
  for (const secret of secrets) {
    if (secret === "") continue;
    const found = findSecret(text, secret);
    if (found.length > 0 && secret.length < SHORT) return MASK;
    masked.push(...found);
  }
  return cut(printable(mask(text, masked)));
}

function findSecret(text: string, secret: string): Range[] {
  const lower = lowerCase(text);
  const written = [...writtenForms(secret)].flatMap((form) => occurrences(lower, lowerCase(form)));
  return [...written, ...base64Runs(text, Buffer.from(secret))];
}

function writtenForms(secret: string): Set<string> {
  const octets = Buffer.from(secret);
  const hex = octets.toString("hex");
  return new Set([
    secret,
    encodeURIComponent(octets.toString()), // the detour by way of octets: encodeURIComponent throws at lone surrogates
    new URLSearchParams([["", secret]]).toString().slice(1),
    hex.replace(/../g, "%$&"),
    hex,
    JSON.stringify(secret).slice(1, -1), // escapes as an IMAP quoted string does
    octets.toString("latin1"),
  ]);
}

function occurrences(text: string, form: string): Range[] {
  const found: Range[] = [];
  for (let start = text.indexOf(form); start !== -1; start = text.indexOf(form, start + 1)) {
    found.push({ start, end: start + form.length });
  }
  return found;
}

/** The runs of base64 characters that hold the octets, wherever in the run the encoded text begins. */
function base64Runs(text: string, octets: Buffer): Range[] {
  const found: Range[] = [];
  for (const { index, 0: run } of text.matchAll(/[\w+/-]+=*/g)) {
    const holds = [0, 1, 2, 3].some((offset) => Buffer.from(run.slice(offset), "base64").includes(octets));
    if (holds) found.push({ start: index, end: index + run.length });
  }
  return found;
}

/** ASCII only: positions in the result are positions in the text, which String.toLowerCase does not promise. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function mask(text: string, ranges: Range[]): string {
  let result = "";
  let position = 0;
  for (const { start, end } of ranges.sort((one, other) => one.start - other.start)) {
    if (start >= position) result += text.slice(position, start) + MASK; // otherwise it touches the mask before it
    position = Math.max(position, end);
  }
  return result + text.slice(position);
}

function printable(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\p{Cs}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu, "?")
    .trim();
}

function cut(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  return `${text.slice(0, MAX_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
