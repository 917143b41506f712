import { expect, it } from "vitest";
import { RefusalCounter } from "../../../src/engine/refusal-counter.js";
import { MigrationError } from "../../../src/errors.js";

const refusal = new MigrationError("message-refused", "NO mailbox is closed");

it("throws at the tenth refusal in a row, with the last one's words, and goes on throwing", () => {
  const counter = new RefusalCounter();
  for (let refused = 1; refused <= 9; refused++) counter.refused(refusal);
  for (let more = 0; more < 2; more++) {
    expect(() => counter.refused(refusal)).toThrow(
      expect.objectContaining({
        code: "too-many-refusals",
        cause: refusal,
        message: expect.stringContaining("NO mailbox"),
      }),
    );
  }
});

it("starts anew with each message that is accepted", () => {
  const counter = new RefusalCounter();
  for (let round = 0; round < 3; round++) {
    for (let refused = 1; refused <= 9; refused++) counter.refused(refusal);
    counter.accepted();
  }
  counter.refused(refusal);
});
