import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonLines } from "../../../src/report/json-lines.js";
import { visibleJson } from "../../../src/report/visible-text.js";
import { folderOf, ReportDouble, textOf, userOf } from "./report-fixture.js";

describe("The JSON Lines of a report", () => {
  it("name the batch, each user with its folders and items, and the end", async () => {
    const report = new ReportDouble(
      [userOf("terrya@contoso.edu", [folderOf("INBOX", { copied: 1, refused: 1 })]), userOf("annb@contoso.edu", [])],
      [
        {
          emailAddress: "terrya@contoso.edu",
          folder: "INBOX",
          uid: 4,
          kind: "refused",
          size: 9,
          reason: "quota-exceeded",
        },
      ],
    );
    const lines = (await textOf(jsonLines(report, report))).trimEnd().split("\n");
    const objects: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
    expect(objects.map(({ type }) => type)).toEqual(["batch", "user", "folder", "item", "user", "end"]);
    expect(objects[0]).toMatchObject({ batch: "IMAPBatch1", balanced: true, books: { found: 2 } });
    expect(objects[1]).toMatchObject({ identity: "terrya@contoso.edu", status: "Synced", statusSummary: "Synced" });
    expect(objects[2]).toMatchObject({ user: "terrya@contoso.edu", source: "INBOX", books: { found: 2, refused: 1 } });
    expect(objects[3]).toMatchObject({ user: "terrya@contoso.edu", uid: 4, remedy: expect.stringContaining("quota") });
    expect(objects[5]).toEqual({ type: "end", users: 2, folders: 1, items: 1 });
  });

  it("R20: are read back as they were, and hold no invisible character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const json = visibleJson({ text });
        expect(JSON.parse(json)).toEqual({ text });
        expect(json).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Cs}]/u);
      }),
      { numRuns: 1_000 },
    );
  });
});
