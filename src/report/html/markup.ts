import { visibleText } from "../visible-text.js";

/** Text that is HTML already; everything else is escaped where it is put in. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Markup[];

/** A piece of HTML: what is put in comes out as text, unless it is markup itself. */
export function markup(pieces: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(pieces.map((piece, at) => (at === 0 ? piece : textOf(values[at - 1]) + piece)).join(""));
}

/** A foreign name or the words of a server: whatever the direction of its letters, it cannot turn its surroundings. */
export function foreign(text: string): Markup {
  return markup`<bdi>${text}</bdi>`;
}

/** An address: always read from left to right. */
export function address(text: string): Markup {
  return markup`<bdi dir="ltr">${text}</bdi>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function textOf(value: Value | undefined): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return visibleText(value).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
  return typeof value === "object" ? value.map(({ text }) => text).join("") : `${value ?? ""}`;
}
