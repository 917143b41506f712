import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReportPageOptions, reportPage } from "../../../src/report/html/report-page.js";
import type { ItemRecord } from "../../../src/store/migration-store.js";
import { folderOf, ReportDouble, textOf, userOf } from "./report-fixture.js";

const page = (report: ReportDouble, options: ReportPageOptions = {}) => textOf(reportPage(report, report, options));

/** Reads a page as strictly as XML: every element closed, every attribute quoted, no stray `<` or `&`. */
function parsePage(html: string): { elements: string[]; attributes: string[]; text: string } {
  const [elements, attributes, open]: [string[], string[], string[]] = [[], [], []];
  let text = "";
  const token =
    /<style>[^<]*<\/style>|<!DOCTYPE html>|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"<]*")*)\s*(\/?)>|[^<]+|</gy;
  for (let match = token.exec(html); match; match = token.exec(html)) {
    const [whole, slash, name, rest = "", selfClosed] = match;
    if (whole === "<") throw new Error(`stray < before ${html.slice(match.index, match.index + 60)}`);
    if (!name) {
      if (whole.startsWith("<")) continue;
      if (/&(?!(amp|lt|gt|quot|#39);)/.test(whole)) throw new Error(`stray & in ${whole}`);
      text += whole;
    } else if (slash) {
      if (open.pop() !== name) throw new Error(`</${name}> closes another element`);
    } else {
      elements.push(name);
      attributes.push(...rest.split(/\s+(?=[a-z-]+=")/).filter(Boolean));
      if (!selfClosed) open.push(name);
    }
  }
  expect(open).toEqual([]);
  return { elements, attributes, text };
}

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) =>
    name === "amp" ? "&" : name === "lt" ? "<" : name === "gt" ? ">" : name === "quot" ? '"' : "'",
  );
}

const item = (uid: number, more: Partial<ItemRecord> = {}): ItemRecord => ({
  ...{ emailAddress: "terrya@contoso.edu", folder: "INBOX", uid, kind: "refused", size: 9, reason: "message-refused" },
  ...more,
});

describe("The page of a report", () => {
  const usual = new ReportDouble(
    [
      userOf("terrya@contoso.edu", [folderOf("INBOX", { copied: 1_200, refused: 1, skipped: 2 })], {
        lastSyncedAt: Date.UTC(2026, 10, 20, 18),
      }),
      userOf("annb@contoso.edu", [folderOf("Public", {}, { leftOut: 77 })], {
        status: "Failed",
        error: { code: "auth-failed", message: "Sign-in refused" },
      }),
    ],
    [item(7, { internalDate: Date.UTC(2019, 0, 2, 3, 4) }), item(8, { kind: "skipped", reason: "too-large" })],
  );
  const milestones = [{ at: new Date("2026-11-21T10:00:00Z"), text: "MX switched" }];

  it("is well-formed, and refers to nothing but itself", async () => {
    const html = await page(usual, { milestones });
    const { elements, attributes } = parsePage(html);
    expect(
      elements.filter((name) => /^(script|link|img|iframe|object|embed|base|form|a|svg|video|audio)$/.test(name)),
    ).toEqual([]);
    expect(
      attributes.filter((attribute) => /^(href|src|srcset|action|data|on\w+|background)=/.test(attribute)),
    ).toEqual([]);
    expect(html).not.toMatch(/url\(|@import|https?:|\/\/[a-z]/i);
    expect(html).toContain("default-src 'none'");
  });

  it("shows books that add up: the outcomes, their sum, and what was found", async () => {
    const { text } = parsePage(await page(usual));
    const number = (label: string) => Number(new RegExp(`${label}\\s*([\\d,]+)`).exec(text)?.[1]?.replaceAll(",", ""));
    const parts = ["copied", "already there", "skipped", "refused", "failed", "gone meanwhile"].map((word) =>
      number(`\\n${word}`),
    );
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(number("with an outcome"));
    expect(number("with an outcome")).toBe(number("found at the source"));
    expect(number("found at the source")).toBe(1_203);
    expect(text).toContain("The books balance");
  });

  it("says so where they do not", async () => {
    const { text } = parsePage(
      await page(new ReportDouble([userOf("a@b.c", [folderOf("INBOX", { found: 9, copied: 8 })])])),
    );
    expect(text).toContain("do not balance");
    expect(text).toMatch(/without an outcome yet\s*1\b/);
  });

  it("names what did not arrive with reason and remedy, failed users, folders left out and milestones", async () => {
    const { text } = parsePage(await page(usual, { milestones }));
    for (const words of ["message-refused", "too-large", "Raise maxMessageSize", "2019-01-02 03:04 UTC"]) {
      expect(text).toContain(words);
    }
    for (const words of ["annb@contoso.edu", "Sign-in refused", "auth-failed", "Public", "77", "MX switched"]) {
      expect(text).toContain(words);
    }
  });

  it("says that everything arrived where it did", async () => {
    const { text } = parsePage(await page(new ReportDouble([userOf("a@b.c", [folderOf("INBOX", { copied: 8 })])])));
    expect(text).toContain("Every message that the source listed has arrived.");
    expect(text).toContain("Nothing is missing");
  });

  it("R20: shows hostile names and words as text, whatever they hold", async () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><b>",
        "&lt;b&gt;",
        "\u202egnp",
      ),
    );
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, async (name, folder, words) => {
        const report = new ReportDouble(
          [
            userOf(`${name}@x`, [folderOf(folder, { refused: 1 }, { target: folder })], {
              status: "Failed",
              error: { code: "auth-failed", message: words },
            }),
          ],
          [item(1, { emailAddress: `${name}@x`, folder, detail: words })],
        );
        const { elements, text } = parsePage(await page(report, { milestones: [{ at: new Date(0), text: words }] }));
        expect(elements).not.toContain("script");
        expect(elements).not.toContain("img");
        expect(text).not.toMatch(/(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
        if (!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(folder)) expect(unescaped(text)).toContain(folder);
      }),
    );
  });

  it("stays readable and flat with 50,000 users: some are shown, and the rest is counted", async () => {
    const users = Array.from({ length: 50_000 }, (_, at) =>
      userOf(`user${at}@contoso.edu`, [folderOf("INBOX", { copied: 1 })]),
    );
    const troubled = userOf("last@contoso.edu", [folderOf("INBOX", { refused: 1_500 })]);
    const items = Array.from({ length: 1_500 }, (_, at) => item(at + 1, { emailAddress: "last@contoso.edu" }));
    const report = new ReportDouble([...users, troubled], items);
    let [length, longest] = [0, 0];
    let html = "";
    for await (const piece of reportPage(report, report, {})) {
      length += piece.length;
      longest = Math.max(longest, piece.length);
      html += piece;
    }
    expect(longest).toBeLessThan(20_000);
    expect(length).toBeLessThan(3_000_000);
    const { text } = parsePage(html);
    expect(text.indexOf("last@contoso.edu")).toBeLessThan(text.indexOf("user0@contoso.edu"));
    expect(text).toContain("500 more are in the error CSV");
    expect(text).toContain("49,001 more users in the statistics CSV");
  });
});
