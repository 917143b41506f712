import { describe, expect, it } from "vitest";
import { watchedMailbox } from "../../../../src/engine/throttle/watched-mailbox.js";

class Mailbox {
  readonly #uids = [1, 2, 3];
  left = false;
  readonly failure = new Error("the connection is lost");

  get count(): number {
    return this.#uids.length;
  }

  async append(uid: number): Promise<string> {
    if (uid === 3) throw this.failure;
    return `appended ${uid}`;
  }

  async *fetch(failsAt = 0): AsyncGenerator<number> {
    try {
      for (const uid of this.#uids) {
        if (uid === failsAt) throw this.failure;
        yield uid;
      }
    } finally {
      this.left = true;
    }
  }
}

function watch() {
  const mailbox = new Mailbox();
  const noted: unknown[] = [];
  return { mailbox, noted, watched: watchedMailbox(mailbox, (error) => void noted.push(error)) };
}

async function read(uids: AsyncIterable<number>): Promise<number[]> {
  const read: number[] = [];
  for await (const uid of uids) read.push(uid);
  return read;
}

describe("a watched mailbox", () => {
  it("answers as the mailbox does, private members included", async () => {
    const { watched, noted } = watch();
    expect([watched.count, await watched.append(1), await read(watched.fetch())]).toEqual([3, "appended 1", [1, 2, 3]]);
    expect(noted).toEqual([]);
  });

  it("has each failure noted once, and passes it on", async () => {
    const { watched, mailbox, noted } = watch();
    await expect(watched.append(3)).rejects.toBe(mailbox.failure);
    await expect(read(watched.fetch(2))).rejects.toBe(mailbox.failure);
    expect(noted).toEqual([mailbox.failure, mailbox.failure]);
  });

  it("is told when a fetch is left early", async () => {
    const { watched, mailbox } = watch();
    for await (const _ of watched.fetch()) break;
    expect(mailbox.left).toBe(true);
  });
});
