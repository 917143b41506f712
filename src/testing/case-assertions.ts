import assert from "node:assert/strict";
import { MigrationError, type MigrationErrorCode } from "../errors.js";
import type { Flag } from "../mail/flags.js";

/** The call rejects with a MigrationError of this code. */
export async function assertRejects(call: () => Promise<unknown>, code: MigrationErrorCode): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(MigrationError.is(error), `not a MigrationError: ${error}`);
    assert.equal(error.code, code);
    return true;
  });
}

/** The flags that two messages must have alike: case does not count, and `\Recent` belongs to the server. */
export function flagNames(flags: ReadonlySet<Flag> | undefined): string[] {
  const names = [...(flags ?? [])].map((flag) => flag.toLowerCase());
  return names.filter((name) => name !== "\\recent").sort();
}

export function isSamePath(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
