import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CSV_START, csvLine } from "../../../src/report/csv-line.js";
import { errorCsv } from "../../../src/report/error-csv.js";
import { statisticsCsv } from "../../../src/report/statistics-csv.js";
import { folderOf, ReportDouble, textOf, userOf } from "./report-fixture.js";

const records = (text: string): Record<string, string>[] => parse(text, { columns: true, bom: true });

const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..."=+-@\t\r\n\"',; \u202e\u2066\u0000\ufeff\uff1d|!a1\ud800".split("")) }),
  fc.constantFrom("=1+1", "\t=1", "\r@SUM(A1)", ' "=1', "a;=HYPERLINK(0)", "＝1", "-2+3", "\u202e=1"),
);

/** What a spreadsheet program may take for a formula. */
const FORMULA = /^[\s'"]*[=+\-@\uff1d\uff0b\uff0d\uff20]/u;

describe("A line of CSV", () => {
  it("comes back as RFC 4180 reads it, one cell for each", () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), (cells) => {
        const line = csvLine(["first", ...cells]);
        const rows: string[][] = parse(line);
        expect(rows).toHaveLength(1);
        expect(rows[0]).toHaveLength(cells.length + 1);
      }),
    );
  });

  it("R20: has no cell that a spreadsheet takes for a formula, split at commas or at semicolons", () => {
    const isHarmless = (cell: string) => !FORMULA.test(cell) || /^[\s"]*'/.test(cell);
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (cells) => {
        const line = csvLine(["first", ...cells]);
        const [atCommas = []]: string[][] = parse(line);
        expect(atCommas.filter((cell) => !isHarmless(cell))).toEqual([]);
        expect(line.split(";").filter((piece) => !isHarmless(piece))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("R20: shows control, bidirectional and unpaired characters instead of writing them", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(csvLine([text]).slice(0, -2)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff\p{Cs}]/u);
      }),
      { numRuns: 1_000 },
    );
    expect(csvLine(["gnp.\u202eexe", "a\nb", "\u{e0041}"])).toBe("gnp.\\u202eexe,a\\u000ab,\\u{e0041}\r\n");
  });

  it("leaves ordinary text as it is, and numbers without quotes", () => {
    expect(csvLine(["Jürgen 👩‍💻 حسن", 0, 12.5, undefined, 'say "hi", you'])).toBe(
      'Jürgen 👩‍💻 حسن,0,12.5,,"say ""hi"", you"\r\n',
    );
  });
});

describe("The error CSV", () => {
  const failed = userOf("annb@contoso.edu", [], {
    status: "Failed",
    error: { code: "auth-failed", message: "The server said: =NO" },
  });
  const item = { emailAddress: "terrya@contoso.edu", folder: "=INBOX\u202e", uid: 7, size: 99 };
  const report = new ReportDouble(
    [userOf("terrya@contoso.edu", [folderOf("Public", {}, { leftOut: 4_310 })]), failed],
    [
      { ...item, kind: "skipped", reason: "too-large", internalDate: Date.UTC(2019, 0, 2, 3, 4, 5) },
      { ...item, uid: 8, kind: "refused", reason: "message-refused", detail: "NO bare\nnewlines" },
      { ...item, uid: 9, kind: "vanished" },
      { ...item, uid: 10, kind: "copied", lost: ["keyword"] },
      { ...item, uid: 11, kind: "copied", uncertain: true },
      { ...item, uid: 12, kind: "failed", reason: "a-code-of-tomorrow" },
    ],
  );

  it("begins with Microsoft's columns and has a line for each failed user", async () => {
    const text = await textOf(errorCsv(report));
    expect(text.startsWith(`${CSV_START}EmailAddress,ErrorMessage,`)).toBe(true);
    expect(records(text).at(-1)).toMatchObject({
      ...{
        EmailAddress: "annb@contoso.edu",
        ErrorMessage: "The server said: =NO",
        Kind: "user",
        Reason: "auth-failed",
      },
      Remedy: expect.stringContaining("UserName"),
    });
  });

  it("has a line for each message that needs a look, with folder, UID, date, reason and remedy", async () => {
    const items = records(await textOf(errorCsv(report))).filter(({ Uid }) => Uid !== "");
    expect(items).toHaveLength(6);
    expect(items[0]).toEqual({
      ...{ EmailAddress: "terrya@contoso.edu", Kind: "skipped", FolderName: "'=INBOX\\u202e", Uid: "7" },
      ...{ MessageSize: "99", DateReceived: "2019-01-02T03:04:05.000Z", Reason: "too-large" },
      ErrorMessage: expect.stringContaining("Larger"),
      Remedy: expect.stringContaining("maxMessageSize"),
    });
    expect(items[1]).toMatchObject({ ErrorMessage: "NO bare\\u000anewlines", DateReceived: "" });
    expect(items.map(({ Reason }) => Reason)).toEqual([
      ...["too-large", "message-refused", "vanished", "lost: keyword", "uncertain", "a-code-of-tomorrow"],
    ]);
  });

  it("has a line for each folder that a filter leaves out, with its count", async () => {
    const [folder] = records(await textOf(errorCsv(report)));
    expect(folder).toMatchObject({ Kind: "folder", FolderName: "Public", Reason: "folder-left-out" });
    expect(folder?.["ErrorMessage"]).toContain("4310");
  });
});

describe("The statistics CSV", () => {
  it("has a line for each user in the words of Get-MigrationUserStatistics, with the books behind", async () => {
    const counts = { copied: 90, alreadyThere: 5, skipped: 2, refused: 1, failed: 1, vanished: 1, octetsCopied: 9_000 };
    const folders = [folderOf("INBOX", counts), folderOf("Public", {}, { leftOut: 12 })];
    const users = [
      userOf("terrya@contoso.edu", folders, { lastSyncedAt: Date.UTC(2026, 10, 22) }),
      userOf("annb@contoso.edu", [folderOf("INBOX", { found: 2, copied: 1 })]),
    ];
    const [terry, ann] = records(await textOf(statisticsCsv(new ReportDouble(users))));
    expect(terry).toMatchObject({
      ...{ Identity: "terrya@contoso.edu", BatchId: "IMAPBatch1", Status: "Synced", SyncedItemCount: "95" },
      ...{ SkippedItemCount: "5", BytesTransferred: "9000", LastSuccessfulSyncTime: "2026-11-22T00:00:00.000Z" },
      ...{ QueuedDuration: "00:01:01", InProgressDuration: "1.02:03:04", Found: "100", BooksBalance: "True" },
      ...{ FoldersLeftOut: "1", MessagesLeftOut: "12" },
    });
    expect(ann).toMatchObject({ BooksBalance: "False", LastSuccessfulSyncTime: "" });
  });
});
