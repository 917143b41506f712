import { describe, expect, it } from "vitest";
import { abortable } from "../../src/abortable.js";

const forever = new Promise<never>(() => {});

describe("Work that can be given up", () => {
  it("gives what it comes to, with a signal and without", async () => {
    const { signal } = new AbortController();
    expect(await abortable(signal, async () => 1)).toBe(1);
    expect(await abortable(undefined, async () => 2)).toBe(2);
    await expect(abortable(signal, () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
  });

  it("rejects with `aborted` at once, whether it was given up before, while it began or later", async () => {
    const stopped = { code: "aborted" };
    let begun = 0;
    const begin = () => {
      begun += 1;
      return forever;
    };
    await expect(abortable(AbortSignal.abort(), begin)).rejects.toMatchObject(stopped);
    expect(begun).toBe(0);
    const first = new AbortController();
    const whileBeginning = abortable(first.signal, () => {
      first.abort();
      return begin();
    });
    await expect(whileBeginning).rejects.toMatchObject(stopped);
    const second = new AbortController();
    const later = abortable(second.signal, begin);
    second.abort();
    await expect(later).rejects.toMatchObject(stopped);
  });
});
