import type { SeededRandom } from "./seeded-random.js";

/** A mailbox to copy. The same name stands for the same octets on every machine. */
export interface MailSet {
  readonly what: string;
  readonly messages: number;
  /** The share of each folder; `/` separates levels. What is left over by rounding stands in INBOX. */
  readonly folders: Readonly<Record<string, number>>;
  /** Octets of the message with this number, counted from 1. */
  size(random: SeededRandom, number: number): number;
}

export type MailSetName = "S" | "M" | "L" | "L10k" | "G";

const TINY: Omit<MailSet, "messages" | "what"> = {
  folders: { INBOX: 0.6, Sent: 0.1, "Archive/2020": 0.25, Été: 0.05 },
  size: (random) => random.between(300, 700),
};

export const mailSets: Readonly<Record<MailSetName, MailSet>> = {
  S: {
    what: "2,000 messages of 4 KB, on both sides of the 4,096 octets of LITERAL-",
    messages: 2_000,
    folders: { INBOX: 0.5, Sent: 0.25, "Archive/2022": 0.15, Été: 0.1 },
    size: (random) => random.between(2_500, 5_500),
  },
  M: {
    what: "5,000 messages as in a person's mailbox: half below 15 KB, attachments up to 10 MB, one of 30 MB",
    messages: 5_000,
    folders: {
      INBOX: 0.4,
      Sent: 0.15,
      Drafts: 0.01,
      Trash: 0.06,
      Junk: 0.04,
      Archive: 0.02,
      "Archive/2021": 0.1,
      "Archive/2022": 0.1,
      "Projekte/Büro & Café": 0.04,
      日本語: 0.02,
      "Projects/A/B/C/D": 0.04,
      "with space": 0.02,
      Empty: 0,
    },
    size: (random, number) => {
      const size = Math.round(Math.min(10_000_000, Math.max(900, random.logNormal(9.615, 1.66))));
      return number === 777 ? 30_000_000 : size;
    },
  },
  L: { ...TINY, what: "100,000 tiny messages", messages: 100_000 },
  L10k: { ...TINY, what: "10,000 tiny messages", messages: 10_000 },
  G: { what: "one message of 35 MB", messages: 1, folders: { INBOX: 1 }, size: () => 35_000_000 },
};

/** How many messages each folder of a set holds. */
export function folderCounts(set: MailSet): Map<string, number> {
  const counts = new Map(Object.entries(set.folders).map(([name, share]) => [name, Math.floor(set.messages * share)]));
  const placed = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return counts.set("INBOX", (counts.get("INBOX") ?? 0) + set.messages - placed);
}
