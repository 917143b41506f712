import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeBlocks, page, pages } from "./markdown.js";
import { type PackedPackage, packPackage, runProgram, runTool } from "./packed-package.js";

const checkout = process.cwd();

/** What each path gives at run time. A name that comes or goes is a matter for CHANGELOG.md. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "imap-to-m365": [
    ...["CsvRow", "MigrationBatch", "MigrationEndpoint", "MigrationError", "MigrationReport", "MigrationUser"],
    ...[
      "courierUserRoot",
      "defaultGradeThresholds",
      "dovecotLogin",
      "exchangeLogin",
      "exchangeOnline",
      "imapServer",
      "isBalanced",
      "memoryStore",
    ],
    ...["microsoft365Limits", "migrationErrorCodes", "mirapointLogin", "noLimits", "parseCourierUserRoot"],
    ...["courier", "cyrus", "dovecot", "exchangeOnPremises", "gmail", "planProviderFolders", "yahoo", "zimbra"],
    ...["checkCutover", "checkRecipients", "watchCutover"],
    ...["clientCredentials", "deviceCode", "managedIdentity", "tokenCallback"],
    ...["china21VianetCloud", "dodCloud", "gccHighCloud", "globalCloud"],
    ...["parseDovecotLogin", "parseExchangeLogin", "parseMirapointLogin", "sqliteStore"],
    ...["exchangeImapThrottle", "gmailThrottle", "graphThrottle", "unthrottled"],
  ],
  "imap-to-m365/testing": [
    ...["FakeContent", "FakeFolder", "FakeMailbox", "FaultProxy", "FaultScript", "ScriptedAccount", "ScriptedFolder"],
    ...["ScriptedImapServer", "defaultCapabilities", "fakeMessage", "fakeSource", "fakeTarget", "knownFaults"],
    ...["openFakeSource", "openFakeTarget", "rawMessage", "readOctets", "sampleMessage", "sourceCases", "storeCases"],
    ...[
      "Microsoft365Simulator",
      "SimulatedFolder",
      "SimulatedMailbox",
      "SimulatedTenant",
      "SimulatedUser",
      "targetCases",
    ],
    ...["documentedLimits", "exchangeFaults", "exchangeFolders", "exchangeOnlineProfile", "knownGraphFaults"],
    ...["GmailMailbox", "gmailBandwidthRefusal", "gmailFolders", "gmailProfile", "rebuiltByExchange"],
  ],
};

const paths = Object.keys(VALUES);

let packed: PackedPackage;

// Building takes most of the time; the checks are child processes and run side by side.
beforeAll(async () => {
  packed = await packPackage(checkout);
});

afterAll(() => packed?.remove());

describe.concurrent("The tarball", () => {
  it("holds the program, its types and sources, the words about it and the licence, and nothing else", () => {
    const allowed =
      /^(dist\/.+\.(c?js|d\.c?ts)(\.map)?|src\/.+\.ts|docs\/(decisions\/)?[^/]+\.md|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
    expect(packed.files.filter((file) => !allowed.test(file))).toEqual([]);
    for (const file of ["LICENSE", "README.md", "CHANGELOG.md", "docs/index.md", "src/index.ts"]) {
      expect(packed.files).toContain(file);
    }
  });

  it("names no folder of the machine that it was built on", async () => {
    const built = packed.files.filter((file) => file.startsWith("dist/"));
    const texts = await Promise.all(built.map((file) => readFile(path.join(packed.folder, file), "utf8")));
    const roots = [checkout, path.dirname(packed.tarball)];
    expect(built.filter((_, index) => roots.some((root) => texts[index]?.includes(root)))).toEqual([]);
  });

  it("has programs of one octet a character: one `…` in a comment would make Node hold them in twice the memory", async () => {
    const programs = packed.files.filter((file) => /^dist\/.+\.c?js$/.test(file));
    const texts = await Promise.all(programs.map((file) => readFile(path.join(packed.folder, file), "utf8")));
    expect(programs.filter((_, index) => /[^\0-\xff]/.test(texts[index] ?? ""))).toEqual([]);
    expect(programs.length).toBeGreaterThan(3);
  });

  it("satisfies publint", async () => {
    await runTool(checkout, "publint/src/cli.js", ["--strict", packed.tarball], packed.project);
  });

  it("satisfies attw: its types resolve as its program does, by import and by require", async () => {
    const parameters = ["--profile", "node16", "--no-color", packed.tarball];
    await runTool(checkout, "@arethetypeswrong/cli/dist/index.js", parameters, packed.project);
  });
});

describe.concurrent("The installed package", () => {
  it("gives its names to import", async () => {
    const program = `for (const path of ${JSON.stringify(paths)}) console.log(JSON.stringify(Object.keys(await import(path))));`;
    expect(await namesPrinted("names.mjs", program)).toEqual(Object.values(VALUES).map(sorted));
  });

  it("gives the same names to require", async () => {
    const program = `for (const path of ${JSON.stringify(paths)}) console.log(JSON.stringify(Object.keys(require(path))));`;
    expect(await namesPrinted("names.cjs", program)).toEqual(Object.values(VALUES).map(sorted));
  });

  it("has one MigrationError for both paths, and knows that of a second copy by its brand", async () => {
    const program = `
      import { createRequire } from "node:module";
      import { MigrationError } from "imap-to-m365";
      import { FakeMailbox, fakeSource } from "imap-to-m365/testing";
      const other = createRequire(import.meta.url)("imap-to-m365");
      const source = fakeSource(new FakeMailbox());
      await source.close();
      const error = await source.listFolders().catch((error) => error);
      const foreign = new other.MigrationError("aborted", "");
      console.log(error instanceof MigrationError, foreign instanceof MigrationError, MigrationError.is(foreign));
    `;
    expect(await runProgram(packed.project, "classes.mjs", program)).toBe("true false true\n");
  });

  it("type-checks without skipLibCheck for import and require, and so does every example of the pages", async () => {
    const imports = paths.map((from, index) => `import * as names${index} from "${from}";\n`).join("");
    const program = `${imports}
      import { CsvRow, MigrationError, type MigrationErrorCode, type MigrationEvents } from "imap-to-m365";
      import { knownFaults, type FakeFault, type ServerFault } from "imap-to-m365/testing";
      const rows: CsvRow[] = CsvRow.parse("EmailAddress,UserName,Password\\na@b.c,d,e");
      const code: MigrationErrorCode = new MigrationError("aborted", "").code;
      const books = (event: MigrationEvents["user:synced"][0]): number => event.books.found;
      const faults: [FakeFault, ServerFault] = [{ on: "open", do: { throw: code } }, knownFaults.noGreeting()];
      // @ts-expect-error the table of codes is closed
      new MigrationError("no-such-code", "");
      export const all = [rows, books, faults, ${paths.map((_, index) => `names${index}`).join(", ")}];
    `;
    const files = new Map([
      ["consumer.mts", program],
      ["consumer.cts", program],
    ]);
    for (const each of pages(checkout)) {
      const blocks = codeBlocks(each, "ts").entries();
      for (const [index, code] of blocks) files.set(`${each.name.replaceAll(/[/.]/g, "-")}-${index + 1}.mts`, code);
    }
    expect(files.size).toBeGreaterThan(10);
    for (const [name, text] of files) await writeFile(path.join(packed.project, name), text);
    await typeCheck([...files.keys()]);
  });

  it("runs every example of docs/testing.md", async () => {
    const examples = codeBlocks(page(checkout, "docs/testing.md"), "ts");
    expect(examples.length).toBeGreaterThan(3);
    const { default: ts } = await import("typescript");
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    await Promise.all(
      examples.map((code, index) => {
        const { outputText } = ts.transpileModule(code, { compilerOptions });
        return runProgram(packed.project, `testing-${index + 1}.mjs`, outputText);
      }),
    );
  });
});

async function namesPrinted(file: string, program: string): Promise<string[][]> {
  const lines = (await runProgram(packed.project, file, program)).trim().split("\n");
  return lines.map((line) => sorted(JSON.parse(line)));
}

function sorted(names: readonly string[]): string[] {
  return [...names].sort();
}

async function typeCheck(files: readonly string[]): Promise<void> {
  const compilerOptions = {
    ...{ target: "ES2022", lib: ["ES2022"], types: ["node"], module: "NodeNext", noEmit: true, skipLibCheck: false },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  };
  await writeFile(path.join(packed.project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  await runTool(checkout, "typescript/bin/tsc", ["-p", "."], packed.project);
}
