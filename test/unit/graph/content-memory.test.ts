import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OctetBudget, readContent } from "../../../src/graph/content-memory.js";
import { FakeContent } from "../../../src/testing/fake-content.js";

const never = new AbortController().signal;

/** Whether a promise is settled once everything that can go on has gone on. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe("The room for messages", () => {
  it("is given in the order of asking, and a small message does not overtake a large one", async () => {
    const budget = new OctetBudget(100);
    const first = await budget.reserve(80, never);
    const large = budget.reserve(90, never);
    const small = budget.reserve(5, never);
    expect([await isSettled(large), await isSettled(small)]).toEqual([false, false]);
    first();
    (await large)();
    (await small)();
  });

  it("is given to a message that is larger than all of it, alone", async () => {
    const budget = new OctetBudget(100);
    const huge = await budget.reserve(1_000, never);
    const other = budget.reserve(1, never);
    expect(await isSettled(other)).toBe(false);
    huge();
    (await other)();
  });

  it("is not kept by who gave up waiting, nor given back twice", async () => {
    const budget = new OctetBudget(100);
    const first = await budget.reserve(100, never);
    const giveUp = new AbortController();
    const waiting = budget.reserve(100, giveUp.signal);
    const last = budget.reserve(60, never);
    giveUp.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
    first();
    first();
    await last;
    expect(await isSettled(budget.reserve(60, never))).toBe(false);
  });

  it("is never more than there is, whatever is asked for and given back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 30 }), async (sizes) => {
        const budget = new OctetBudget(100);
        let held = 0;
        await Promise.all(
          sizes.map(async (size) => {
            const letGo = await budget.reserve(size, never);
            held += size;
            expect(held === size || held <= 100).toBe(true);
            await new Promise((resolve) => setImmediate(resolve));
            held -= size;
            letGo();
          }),
        );
        expect(held).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe("Reading a content", () => {
  it("gives all octets, and is `connection-lost` where they end early or go on too long", async () => {
    expect(String(await readContent(new FakeContent(Buffer.from("abcdef")), never))).toBe("abcdef");
    for (const size of [5, 7]) {
      const chunks = [Buffer.from("abc"), Buffer.from("def")].values();
      const content = { size, cancel: () => {}, [Symbol.asyncIterator]: () => asynchronous(chunks) };
      await expect(readContent(content, never)).rejects.toMatchObject({ code: "connection-lost", scope: "user" });
    }
  });
});

async function* asynchronous<Item>(items: Iterable<Item>): AsyncGenerator<Item, void, undefined> {
  yield* items;
}
