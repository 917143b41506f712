import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { MigrationError, migrationErrorCodes } from "../../src/index.js";
import { page, pages, prose, rowsByCode } from "./markdown.js";
import { runTool } from "./packed-package.js";

const checkout = process.cwd();
const program = ts.createProgram(["src/events.ts", "src/csv/csv-faults.ts"], {
  ...{ strict: true, skipLibCheck: true, types: [] },
  ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 },
});
const checker = program.getTypeChecker();

describe("docs/errors.md", () => {
  const rows = rowsByCode(page(checkout, "docs/errors.md"));

  it("has one row for each code, in the order of the table", () => {
    expect([...rows.keys()]).toEqual(migrationErrorCodes);
  });

  it.each(migrationErrorCodes)("says of %s what the table says", (code) => {
    const { scope, retry, remedy } = new MigrationError(code, "");
    const [scopeCell, retryCell, whenCell = "", remedyCell] = rows.get(code) ?? [];
    expect([scopeCell, retryCell, remedyCell]).toEqual([scope, retry, remedy]);
    expect(whenCell).not.toBe("");
  });
});

describe("docs/events.md", () => {
  it("has one row for each event, with every member that it carries", () => {
    const documented = [...rowsByCode(page(checkout, "docs/events.md"))].map(([name, [, carries = ""]]) => {
      return [name, [...carries.matchAll(/`(\w+)`/g)].map(([, member]) => member).sort()];
    });
    expect(documented).toEqual(eventsOfTheType());
  });
});

describe("docs/csv.md", () => {
  it("has one row for each kind of fault", () => {
    const documented = [...rowsByCode(page(checkout, "docs/csv.md")).keys()];
    expect(documented).toEqual(membersOf(typeNamed("src/csv/csv-faults.ts", "CsvFaultKind")));
  });
});

describe("The reference", () => {
  it("has every type that a public signature names, and no dead link", async () => {
    await runTool(checkout, "typedoc/bin/typedoc", ["--emit", "none"], checkout);
  });
});

describe("Every page", () => {
  const all = pages(checkout);

  it("links only to what is there, the heading included", () => {
    const dead = all.flatMap(({ name, text }) =>
      [...prose({ name, text }).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) =>
        /^https?:/.test(link) || leadsSomewhere(name, link) ? [] : [`${name}: ${link}`],
      ),
    );
    expect(dead).toEqual([]);
  });

  it("names only files that are there", () => {
    const missing = all.flatMap(({ name, text }) =>
      [...text.matchAll(/(?<![\w/.-])(?:src|test)\/[\w./-]*\w/g)].flatMap(([file]) =>
        existsSync(path.join(checkout, file)) ? [] : [`${name}: ${file}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  it("is linked from README.md or docs/index.md", () => {
    const linked = ["README.md", "docs/index.md"].flatMap((map) =>
      [...page(checkout, map).text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) =>
        path.posix.join(path.posix.dirname(map), link),
      ),
    );
    expect(all.map(({ name }) => name).filter((name) => name !== "README.md" && !linked.includes(name))).toEqual([]);
  });
});

function leadsSomewhere(from: string, link: string): boolean {
  const [file = "", heading] = link.split("#");
  const target = file === "" ? from : path.posix.join(path.posix.dirname(from), file);
  if (!existsSync(path.join(checkout, target))) return false;
  if (heading === undefined) return true;
  const headings = [...readFileSync(path.join(checkout, target), "utf8").matchAll(/^#+ (.+)$/gm)];
  return headings.some(([, title = ""]) => anchorOf(title) === heading);
}

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** The events of MigrationEvents with the sorted names of what each carries. */
function eventsOfTheType(): [string, string[]][] {
  const events = typeNamed("src/events.ts", "MigrationEvents");
  return events.getProperties().map((event) => {
    const [payload] = checker.getTypeArguments(checker.getTypeOfSymbol(event) as ts.TypeReference); // each is a tuple
    const members = payload ? checker.getPropertiesOfType(payload).map((member) => member.name) : [];
    return [event.name, members.sort()];
  });
}

/** A type that a file exports. */
function typeNamed(file: string, name: string): ts.Type {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  const symbol = module && checker.getExportsOfModule(module).find((each) => each.name === name);
  if (!symbol) throw new Error(`${file} exports no ${name}`);
  return checker.getDeclaredTypeOfSymbol(symbol);
}

/** The strings of a union, in the order in which they are declared. */
function membersOf(type: ts.Type): string[] {
  return type.isUnion() ? type.types.flatMap((each) => (each.isStringLiteral() ? [each.value] : [])) : [];
}
