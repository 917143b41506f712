import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import { type CommittingConnection, GroupCommit } from "../../../src/store/group-commit.js";
import type { SqlConnection } from "../../../src/store/sql-database.js";

/** A connection that notes what it was told, and fails at one statement. */
function recorder(failsAt?: string): CommittingConnection & { readonly statements: string[] } {
  const statements: string[] = [];
  return {
    statements,
    execute(sql) {
      statements.push(sql);
      if (sql === failsAt) throw new MigrationError("store-full", "The disk is full");
    },
    async query(sql) {
      statements.push(sql);
      if (sql === failsAt) throw new MigrationError("store-full", "The disk is full");
      return [];
    },
    async runEach() {},
    async flush() {
      statements.push("flush");
      if (failsAt === "flush") throw new MigrationError("store-full", "The disk is full");
    },
  };
}

const write = (sql: string) => async (connection: SqlConnection) => {
  await connection.query(sql);
  return sql;
};

async function outcomes(works: ((connection: SqlConnection) => Promise<string>)[], connection: CommittingConnection) {
  const group = new GroupCommit();
  const results = Promise.allSettled(works.map((work) => group.join(work)));
  await group.run(connection);
  return (await results).map((result) =>
    result.status === "fulfilled" ? result.value : MigrationError.from(result.reason).code,
  );
}

describe("GroupCommit", () => {
  it("makes all its transactions durable by one COMMIT, in the order in which they came", async () => {
    const connection = recorder();
    expect(await outcomes([write("one"), write("two"), write("three")], connection)).toEqual(["one", "two", "three"]);
    expect(connection.statements.filter((sql) => /^(BEGIN|COMMIT|flush|one|two|three)/.test(sql))).toEqual([
      "BEGIN IMMEDIATE",
      "one",
      "two",
      "three",
      "COMMIT",
      "flush",
    ]);
  });

  it("undoes one that throws, and keeps the others", async () => {
    const connection = recorder();
    const lost = async (inner: SqlConnection) => {
      await inner.query("half");
      throw new MigrationError("lease-lost", "The lease is lost");
    };
    expect(await outcomes([write("one"), lost, write("three")], connection)).toEqual(["one", "lease-lost", "three"]);
    const undone = connection.statements.indexOf("ROLLBACK TO member");
    expect(connection.statements[undone - 1]).toBe("half");
    expect(connection.statements.slice(-2)).toEqual(["COMMIT", "flush"]);
  });

  it.each(["two", "COMMIT", "flush"])("tells nobody of success when the database fails at %s (R1)", async (failsAt) => {
    const connection = recorder(failsAt);
    const all = await outcomes([write("one"), write("two"), write("three")], connection);
    expect(all).toEqual(["store-full", "store-full", "store-full"]);
    expect(connection.statements.at(-1)).toBe("ROLLBACK");
  });

  it("resolves nothing before the flush", async () => {
    const connection = recorder();
    const told: string[] = [];
    connection.flush = async () => {
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      told.push("flushed");
    };
    const group = new GroupCommit();
    const joined = group.join(write("one")).then(() => told.push("resolved"));
    await group.run(connection);
    await joined;
    expect(told).toEqual(["flushed", "resolved"]);
  });
});
