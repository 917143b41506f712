import { afterAll, describe, it } from "vitest";
import { rawMessage } from "../../src/testing/sample-message.js";
import { targetCases } from "../../src/testing/target-cases.js";
import { GraphWorld } from "../unit/graph/graph-fixture.js";
import { mailboxContent } from "../unit/graph/stored-messages.js";

/** What Graph cannot keep, and what each of them is replaced by in test/unit/graph/graph-target.test.ts. */
const beyondGraph = new Set([
  // Octets that are no text of a known charset become text.
  "keeps the octets of a message without a body, and of one in 8 bit",
  // \Deleted has no counterpart, and drafts are received at the time of the call.
  "keeps the system flags, and leaves `\\Recent` to the server",
]);
const refused = rawMessage("Subject: virus\r\n\r\nX5O!P%@AP\r\n");

describe("a Graph target", () => {
  const world = new GraphWorld({
    faults: [
      {
        when: { service: "graph", method: "POST", body: "Subject: virus" },
        do: { status: 400, code: "ErrorInvalidRequest", message: "We do not like this message" },
      },
    ],
  });
  afterAll(() => world.close());
  const open = async () => {
    const user = world.addUser();
    return { target: await world.open(user), read: async () => mailboxContent(world.mailbox(user)) };
  };
  const mailbox = { refused, nul: false, bareLineFeeds: false, uids: false, readable: false };
  for (const { title, run } of targetCases(open, mailbox)) {
    if (!beyondGraph.has(title)) it(title, run);
  }
});
