import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** A page written by hand. */
export interface Page {
  /** From the root of the checkout, with slashes: `docs/errors.md`. */
  readonly name: string;
  readonly text: string;
}

/** README, CHANGELOG and every page below docs but the generated ones. */
export function pages(checkout: string): Page[] {
  const below = ["docs", "docs/decisions"].flatMap((folder) =>
    readdirSync(path.join(checkout, folder)).map((file) => `${folder}/${file}`),
  );
  const names = ["README.md", "CHANGELOG.md", ...below.filter((name) => name.endsWith(".md")).sort()];
  return names.map((name) => ({ name, text: readFileSync(path.join(checkout, name), "utf8") }));
}

export function page(checkout: string, name: string): Page {
  const found = pages(checkout).find((each) => each.name === name);
  if (!found) throw new Error(`there is no page ${name}`);
  return found;
}

/** The contents of the fenced blocks of a language. */
export function codeBlocks({ text }: Page, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, tag, code]) =>
    tag === language && code ? [code] : [],
  );
}

/** The text without its fenced blocks. */
export function prose({ text }: Page): string {
  return text.replace(/^```.*?^```$/gms, "");
}

/** The cells of every table row whose first cell is `code`, backticks removed there. */
export function rowsByCode({ text }: Page): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const [, row = ""] of text.matchAll(/^\| (.*) \|$/gm)) {
    const [first = "", ...cells] = row.split(/ (?<!\\)\| /).map((cell) => cell.replaceAll("\\|", "|").trim());
    const name = /^`([^`]+)`$/.exec(first)?.[1];
    if (name === undefined) continue;
    if (rows.has(name)) throw new Error(`${name} has two rows`);
    rows.set(name, cells);
  }
  return rows;
}
