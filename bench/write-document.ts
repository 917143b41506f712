import { readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Puts text between the marks of a Markdown file. @throws Error when the file has none */
export function writeDocument(file: string, text: string): void {
  const old = readFileSync(file, "utf8");
  const begin = old.indexOf(BEGIN);
  const end = old.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${file} has no lines ${BEGIN} and ${END}`);
  writeFileSync(file, `${old.slice(0, begin + BEGIN.length)}\n\n${text}\n${old.slice(end)}`);
}
