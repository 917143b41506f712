import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { page } from "./markdown.js";

const checkout = process.cwd();
const { text } = page(checkout, "docs/reliability.md");
const catalogue = text.slice(text.indexOf("\n## Failures"), text.indexOf("\n## What is not promised"));
const rows = [...catalogue.matchAll(/^\| (?!failure|---)([^|]+) \|([^|]+)\|(.+)\|$/gm)];

/** Each title with the file that stands before it. */
function testsOf(cell: string): [file: string, title: string][] {
  const file = /`(test\/[^`]+)`/.exec(cell)?.[1] ?? "";
  return [...cell.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => [file, title]);
}

describe("The catalogue of failures", () => {
  it("is there", () => {
    expect(rows.length).toBeGreaterThan(50);
  });

  it.each(rows.map(([, failure = "", happens = "", cell = ""]) => [failure, happens, cell] as const))(
    "names for %j a test that there is, or says why there is none",
    (_failure, happens, cell) => {
      const tests = testsOf(cell);
      if (tests.length === 0) {
        expect(happens).toMatch(/\*\*(cannot run here|not measured)\*\*/);
        return;
      }
      for (const [file, title] of tests) {
        expect(existsSync(path.join(checkout, file)), file).toBe(true);
        expect(readFileSync(path.join(checkout, file), "utf8"), file).toContain(title);
      }
    },
  );
});

describe("The promises", () => {
  it.each(Array.from({ length: 20 }, (_, at) => at + 1))("R%i says what holds it, or that nothing does", (number) => {
    const heading = new RegExp(`^## R${number} .*$`, "m").exec(text);
    const section = text.slice(heading?.index, text.indexOf("\n## ", (heading?.index ?? 0) + 1));
    expect(section).toMatch(/Held by:|\*\*Not proven\*\*/);
    for (const [, file = ""] of section.matchAll(/`((?:test|src)\/[^`]+)`/g)) {
      expect(existsSync(path.join(checkout, file)), file).toBe(true);
    }
  });
});
