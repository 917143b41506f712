import { expect, it } from "vitest";
import { UserProgressTally } from "../../../src/engine/user-progress.js";
import { type Books, emptyBooks } from "../../../src/outcome.js";

function books(change: Partial<Books>): Books {
  return { ...emptyBooks, ...change };
}

it("sums the last books of each page", () => {
  const tally = new UserProgressTally();
  tally.update("INBOX", books({ copied: 1 }));
  tally.update("Sent", books({ found: 2, copied: 1, refused: 1, octetsCopied: 50 }));
  tally.update("INBOX", books({ found: 3, copied: 2, vanished: 1, octetsCopied: 10 }));
  expect(tally.books).toEqual(books({ found: 5, copied: 3, refused: 1, vanished: 1, octetsCopied: 60 }));
});

it("has found what a pass under way has found, and at least what has an outcome", () => {
  const tally = new UserProgressTally();
  tally.update("INBOX", books({ copied: 4 }));
  expect(tally.progress.found).toBe(4);
  tally.found("INBOX", 100);
  expect(tally.progress).toEqual(books({ found: 100, copied: 4 }));
  expect(tally.books.found).toBe(0);
  tally.update("INBOX", books({ found: 101, copied: 101 }));
  expect(tally.progress.found).toBe(101);
});

it("R1 balances only when every page does, whatever the sums say", () => {
  const tally = new UserProgressTally();
  expect(tally.balanced).toBe(true);
  tally.update("INBOX", books({ found: 2, copied: 1 }));
  tally.update("Sent", books({ found: 0, copied: 1 }));
  expect(tally.balanced).toBe(false);
  tally.update("INBOX", books({ found: 1, copied: 1 }));
  tally.update("Sent", books({ found: 1, copied: 1 }));
  expect(tally.balanced).toBe(true);
});
