import { describe, expect, it } from "vitest";
import { exchangeHistory } from "./exchange-history.js";
import { countFor, seededRandom, tell } from "./recovery-run.js";

const HISTORIES = countFor("EXCHANGE_HISTORIES", { short: 25, full: 1_000 });

describe("a migration to Exchange Online over IMAP", () => {
  it(`R1 R2 R3 loses nothing and doubles nothing through lost answers, throttling and tokens that run out (${HISTORIES} histories)`, async () => {
    const random = seededRandom();
    const totals = { histories: 0, messages: 0, connections: 0, tokens: 0 };
    for (; totals.histories < HISTORIES; totals.histories++) {
      const seed = random.below(2 ** 31);
      const { faults, messages, connections, tokens } = await exchangeHistory(seed);
      expect(faults, `history ${seed}`).toEqual([]);
      totals.messages += messages;
      totals.connections += connections;
      totals.tokens += tokens;
    }
    tell("exchange-route", totals);
    expect(totals.connections).toBeGreaterThan(totals.histories);
    expect(totals.tokens).toBeGreaterThan(totals.histories);
  }, 1_800_000);
});
