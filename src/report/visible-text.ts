/**
 * What a reader cannot see, or what makes text read otherwise than it is written: control and format characters (the
 * bidirectional ones among them), line and paragraph separators, halves of surrogate pairs. The two joiners stay:
 * Persian words and emoji need them.
 */
const INVISIBLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with all that is invisible written out, as `\u202e`. */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** JSON on one line that says the same, with all that is invisible escaped. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(INVISIBLE, (char) =>
    // JSON escapes one UTF-16 unit at a time (RFC 8259 section 7).
    [...Array(char.length).keys()].map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}
