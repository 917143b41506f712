import type { Books, OutcomeKind } from "../../outcome.js";
import { type Markup, markup } from "./markup.js";

/** What a reader calls each outcome. */
export const outcomeWords: Readonly<Record<OutcomeKind, string>> = {
  copied: "copied",
  alreadyThere: "already there",
  skipped: "skipped",
  refused: "refused",
  failed: "failed",
  vanished: "gone meanwhile",
};

const UNITS = ["octets", "KB", "MB", "GB", "TB"];

/** A whole number, `1,234,567`. Intl would load its tables for 30 ms, in every program that imports the package. */
export function number(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 message`, `2 messages`. */
export function count(value: number, word: string): string {
  return `${number(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** In powers of 1,000, with three digits that count. */
export function octets(value: number): string {
  const step = value < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  return `${step === 0 ? number(value) : Number((value / 1_000 ** step).toPrecision(3))} ${UNITS[step]}`;
}

/** In UTC, to the minute. */
export function time(date: Date): Markup {
  const iso = date.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

export function arrived(books: Books): number {
  return books.copied + books.alreadyThere;
}
