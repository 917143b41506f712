import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../src/errors.js";
import type { ListedFolder } from "../../../src/mail/folder.js";
import { FolderFilter, type FolderFilterOptions } from "../../../src/mail/folder-filter.js";
import type { SpecialUse } from "../../../src/mail/special-use.js";

function folder(path: string | readonly string[], more: Partial<ListedFolder> = {}): ListedFolder {
  const levels = typeof path === "string" ? path.split("/") : path;
  return { name: JSON.stringify(levels), levels, selectable: true, ...more };
}

const use = (path: string, specialUse: SpecialUse) => folder(path, { specialUse });

/** The paths that are left out of these folders. */
function leftOut(folders: readonly ListedFolder[], options: FolderFilterOptions): string[] {
  const rules = new FolderFilter(options).leftOut(folders);
  return folders.filter(({ name }) => rules.has(name)).map(({ levels }) => levels.join("/"));
}

function faultOf(options: FolderFilterOptions): MigrationError {
  try {
    new FolderFilter(options);
  } catch (error) {
    if (MigrationError.is(error)) return error;
  }
  throw new Error("no fault was found");
}

describe("A folder filter", () => {
  const mailbox = [
    folder("INBOX"),
    folder("INBOX/Projects"),
    folder("Projects"),
    folder("Projects/FY2010"),
    folder("Projects/FY2010/Q1"),
    folder("Projects2"),
  ];

  it("leaves nothing out without patterns", () => {
    expect(leftOut(mailbox, {})).toEqual([]);
    expect(leftOut(mailbox, { excludeFolders: [], includeFolders: [] })).toEqual([]);
  });

  it.each([
    ["Projects", ["Projects"]],
    ["projects", ["Projects"]],
    ["Projects/*", ["Projects", "Projects/FY2010", "Projects/FY2010/Q1"]],
    ["Projects/FY2010", ["Projects/FY2010"]],
    ["#Inbox#", ["INBOX"]],
    ["#inbox#/*", ["INBOX", "INBOX/Projects"]],
    ["#Inbox#/Projects", ["INBOX/Projects"]],
    ["Inbox/Projects", ["INBOX/Projects"]],
    ["#Root#", []],
    ["#Root#/*", mailbox.map(({ levels }) => levels.join("/"))],
    ["#Root#/Projects2", ["Projects2"]],
  ])("takes %j for those that Microsoft's syntax means", (pattern, paths) => {
    expect(leftOut(mailbox, { excludeFolders: [pattern] })).toEqual(paths);
  });

  it("migrates only what is included, and leaves out of that what is excluded", () => {
    const options = { includeFolders: ["Projects/*", "#Inbox#"], excludeFolders: ["Projects/FY2010/*"] };
    expect(leftOut(mailbox, options)).toEqual(["INBOX/Projects", "Projects/FY2010", "Projects/FY2010/Q1", "Projects2"]);
  });

  it("says by which pattern a folder is left out", () => {
    const filter = new FolderFilter({ excludeFolders: ["Projects/*"], includeFolders: ["#Inbox#/*", "Projects"] });
    const rules = filter.leftOut(mailbox);
    expect(rules.get(folder("Projects").name)).toEqual({ by: "excludeFolders", pattern: "Projects/*" });
    expect(rules.get(folder("Projects2").name)).toEqual({ by: "includeFolders" });
  });

  it("finds well-known folders by what the server says of them, whatever they are called", () => {
    const folders = [
      use("Отправленные", "\\Sent"),
      folder("Sent"),
      use("Corbeille", "\\Trash"),
      folder("Corbeille/Vieux"),
    ];
    expect(leftOut(folders, { excludeFolders: ["#SentItems#"] })).toEqual(["Отправленные"]);
    expect(leftOut(folders, { excludeFolders: ["#DeletedItems#/*"] })).toEqual(["Corbeille", "Corbeille/Vieux"]);
  });

  it("finds them by their names in five languages where the server says nothing", () => {
    const folders = [
      ...["INBOX", "INBOX/Gesendete Objekte", "Kalender", "Attività", "Boîte d'envoi"].map((path) => folder(path)),
      ...["Work/Calendar", "INBOX/Junk/Kept"].map((path) => folder(path)),
    ];
    const patterns = ["#SentItems#", "#Calendar#", "#Tasks#", "#Outbox#", "#Contacts#"];
    expect(leftOut(folders, { excludeFolders: patterns })).toEqual([
      "INBOX/Gesendete Objekte",
      "Kalender",
      "Attività",
      "Boîte d'envoi",
    ]);
  });

  it("takes an escaped name for a folder that is really called so", () => {
    const folders = [
      folder("#Notes#"),
      folder("Notes"),
      folder(["a/b"]),
      folder("a/b"),
      folder("Pro*"),
      folder("C:\\x"),
    ];
    expect(leftOut(folders, { excludeFolders: ["\\#Notes\\#"] })).toEqual(["#Notes#"]);
    expect(leftOut(folders, { excludeFolders: ["#Notes#"] })).toEqual(["Notes"]);
    expect(leftOut([...folders].slice(2, 4), { excludeFolders: ["a\\/b"] })).toEqual(["a/b"]);
    expect(leftOut(folders, { excludeFolders: ["Pro\\*", "C:\\x"] })).toEqual(["Pro*", "C:\\x"]);
  });

  it("takes a level that only holds others for all below it, as with [Gmail]", () => {
    const folders = [folder("[Gmail]", { selectable: false }), folder("[Gmail]/All Mail"), folder("INBOX")];
    expect(leftOut(folders, { excludeFolders: ["[Gmail]"] })).toEqual(["[Gmail]", "[Gmail]/All Mail"]);
  });

  it("names every pattern at fault, with its column and what to write instead", () => {
    const { code, message } = faultOf({
      excludeFolders: ["Good", "", "a//b", "Pro*", "#Inbix#", "a/\u0007b"],
      includeFolders: ["/Inbox", "Inbox/", "*"],
    });
    expect(code).toBe("option-invalid");
    expect(message.split("; ").filter((part) => /^(ex|in)cludeFolders\[/.test(part))).toEqual([
      expect.stringMatching(/^excludeFolders\[1\] "", column 1: the pattern is empty$/),
      expect.stringMatching(/^excludeFolders\[2\] "a\/\/b", column 3: /),
      expect.stringMatching(/^excludeFolders\[3\] "Pro\*", column 4: /),
      expect.stringMatching(/^excludeFolders\[4\] "#Inbix#", column 1: .*JunkEmail/),
      expect.stringMatching(/^excludeFolders\[5\] "a\/\\u0007b", column 3: control/),
      expect.stringMatching(/^includeFolders\[0\] "\/Inbox", column 1: /),
      expect.stringMatching(/^includeFolders\[1\] "Inbox\/", column 7: /),
      expect.stringMatching(/^includeFolders\[2\] "\*", column 1: .*#Root#\/\*/),
    ]);
  });

  it("tells the patterns that name no folder", () => {
    const filter = new FolderFilter({ excludeFolders: ["Projets", "Projects/*"], includeFolders: ["#Archive#"] });
    expect(filter.unused(mailbox)).toEqual(["Projets", "#Archive#"]);
  });

  it("names exactly the folder whose escaped path it is, whatever characters stand in it", () => {
    const level = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text));
    const escaped = (levels: readonly string[]) => levels.map((text) => text.replace(/[#*/\\]/g, "\\$&")).join("/");
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 3 }), level, (levels, other) => {
        const folders = [folder(levels), folder([...levels, other]), folder([`${levels[0]}x`, ...levels.slice(1)])];
        const filter = new FolderFilter({ excludeFolders: [escaped(levels)] });
        expect([...filter.leftOut(folders).keys()]).toEqual([folder(levels).name]);
      }),
    );
  });
});
