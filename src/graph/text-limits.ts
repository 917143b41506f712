/**
 * The text without what Exchange keeps in no string: C0 controls but tab and line ends become blanks, halves of
 * surrogate pairs U+FFFD.
 */
export function cleanText(text: string, onChange: () => void): string {
  const cleaned = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, " ")
    .replace(/\p{Cs}/gu, "\ufffd");
  if (cleaned !== text) onChange();
  return cleaned;
}

/** At most so many characters, and no half of one. */
export function cutText(text: string, most: number, onCut: () => void): string {
  if (text.length <= most) return text;
  onCut();
  return text.slice(0, most).replace(/[\ud800-\udbff]$/, "");
}

/** Octets that a string takes within JSON. */
export function jsonOctets(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
