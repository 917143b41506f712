import { refuse } from "./command-syntax.js";

/** The ranges of a sequence-set (RFC 9051 section 9), ascending and apart from each other. */
export type SequenceSet = readonly (readonly [low: number, high: number])[];

const SET = /^(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*$/;

/** Reads `1:4,7,9:*`, where `*` is `highest`. A text that is no sequence-set is answered with BAD. */
export function parseSequenceSet(text: string, highest: number): SequenceSet {
  if (!SET.test(text)) refuse("BAD Invalid sequence set");
  const ranges = text.split(",").map((part): [number, number] => {
    const ends = part.split(":").map((end) => (end === "*" ? highest : Number(end)));
    return [Math.min(...ends), Math.max(...ends)];
  });
  ranges.sort((one, other) => one[0] - other[0]);
  const merged: [number, number][] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1]);
    else merged.push(range);
  }
  return merged;
}

export function setIncludes(set: SequenceSet, number: number): boolean {
  return set.some(([low, high]) => low <= number && number <= high);
}

/** The index of the first item whose number is at least `number`, in items of ascending numbers. */
export function firstAtLeast<Item>(items: readonly Item[], number: number, numberOf: (item: Item) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && numberOf(item) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
