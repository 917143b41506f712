import { expect, it } from "vitest";
import { type ListedHeads, listAll } from "../../../src/imap/message-listing.js";
import type { MessageHead } from "../../../src/mail/message.js";

const head = (uid: number): MessageHead => ({ uid, size: 1, internalDate: new Date(0), flags: new Set() });
const uidsFrom = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Lists 1 to 10 by a server that answers in the order given. */
async function listedBy(answers: Record<string, ListedHeads>): Promise<number[]> {
  const heads = await listAll({ from: 1, to: 10 }, async (set) => {
    const answer = answers[set];
    if (!answer) throw new Error(`It was asked for ${set}`);
    return answer;
  });
  return heads.map(({ uid }) => uid);
}

it("lists a message once although a server with a limit sends it with two parts (R2)", async () => {
  const listed = await listedBy({
    "1:10": { heads: uidsFrom(4, 10).map(head), lowest: 6 },
    "1:5": { heads: uidsFrom(1, 7).map(head) },
  });
  expect(listed).toEqual(uidsFrom(1, 10));
});

it.each([11, 6, 2 ** 40])(
  "takes no list for whole that a server broke off at a UID it was not asked for: %d (R1)",
  async (lowest) => {
    const listing = listedBy({
      "1:10": { heads: uidsFrom(6, 10).map(head), lowest },
      "1:5": { heads: [], lowest: 6 },
    });
    await expect(listing).rejects.toMatchObject({ code: "protocol-error" });
  },
);

it("asks for no more than the range where it is answered for all of it", async () => {
  expect(await listedBy({ "1:10": { heads: [head(3)], lowest: 1 } })).toEqual([3]);
});
