import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlanTarget, planFolders } from "../../../../src/engine/folders/plan-folders.js";
import type { FolderPlan, ListedFolder, SourceFolder } from "../../../../src/mail/folder.js";
import type { FolderNameRules } from "../../../../src/mail/mail-target.js";
import type { SpecialUse } from "../../../../src/mail/special-use.js";

interface Listed {
  path: string | readonly string[];
  name?: string;
  use?: SpecialUse;
  selectable?: boolean;
}

const listed = (folder: string | Listed): ListedFolder => {
  const { path, name, use, selectable = true }: Listed = typeof folder === "string" ? { path: folder } : folder;
  const levels = typeof path === "string" ? path.split("/") : path;
  return { name: name ?? levels.join("/"), levels, selectable, ...(use && { specialUse: use }) };
};
const source = (folder: string | Listed): SourceFolder => ({
  ...listed(folder),
  ...{ uidValidity: 1, uidNext: 1, messages: 0 },
});
const slash: FolderNameRules = { delimiter: "/", caseInsensitive: false, prefix: [] };
const exchange: FolderNameRules = { delimiter: "/", caseInsensitive: true, prefix: [], maxLevelLength: 250 };
const exchangeFolders: (string | Listed)[] = [
  "INBOX",
  { path: "Sent Items", use: "\\Sent" },
  { path: "Drafts", use: "\\Drafts" },
  { path: "Deleted Items", use: "\\Trash" },
  { path: "Junk Email", use: "\\Junk" },
];

function plan(folders: (string | Listed)[], names = slash, there: (string | Listed)[] = ["INBOX"]): FolderPlan[] {
  return planFolders(folders.map(source), { folders: there.map(listed), names });
}

/** Source path to target path. */
function paths(...of: Parameters<typeof plan>): Record<string, string> {
  return Object.fromEntries(plan(...of).map(({ source: { name }, target }) => [name, target.join("/")]));
}

const only = (plans: FolderPlan[]): FolderPlan => {
  const [first, ...others] = plans;
  if (!first || others.length > 0) throw new Error(`${plans.length} plans`);
  return first;
};

describe("a plan of folders", () => {
  it("sends every folder to the same name where nothing speaks against it, and notes no change", () => {
    const plans = plan(["INBOX", "INBOX/Sub", "Projects", "Projects/2001"]);
    expect(plans.map(({ target }) => target.join("/"))).toEqual(["INBOX", "INBOX/Sub", "Projects", "Projects/2001"]);
    expect(plans.flatMap(({ changes }) => changes)).toEqual([]);
  });

  it("begins with INBOX, and goes on as listed", () => {
    expect(plan(["b", "a", "INBOX", "c"]).map(({ target }) => target[0])).toEqual(["INBOX", "b", "a", "c"]);
  });

  it("has a folder that is listed twice once, where it came first", () => {
    expect(plan(["a", "b", "a"]).map(({ target }) => target[0])).toEqual(["a", "b"]);
  });

  it("keeps a level that only holds folders where there are none below it, and needs none for one where there are", () => {
    const folders = [
      { path: "Group", selectable: false },
      "Group/Mail",
      { path: "Empty", selectable: false },
      { path: "Groups", selectable: false },
    ];
    expect(Object.keys(paths(folders))).toEqual(["Group/Mail", "Empty", "Groups"]);
  });
});

describe("special-use folders", () => {
  it("go to the target's own, whatever it is called, and say so", () => {
    const [sent] = plan([{ path: "Gesendet", use: "\\Sent" }], exchange, exchangeFolders);
    expect(sent).toMatchObject({ target: ["Sent Items"], specialUse: "\\Sent" });
    expect(sent?.changes).toEqual(['"Gesendet" is the \\Sent folder, which is "Sent Items" there.']);
  });

  it("go to the target's own wherever either stands", () => {
    const there = [{ path: "[Gmail]/Papierkorb", use: "\\Trash" as const }];
    expect(paths([{ path: "Mail/Bin", use: "\\Trash" }], slash, there)).toEqual({ "Mail/Bin": "[Gmail]/Papierkorb" });
  });

  it("go by name where the target has none, or none that can hold mail", () => {
    const folders: Listed[] = [{ path: "Old", use: "\\Archive" }];
    expect(only(plan(folders, exchange, exchangeFolders))).not.toHaveProperty("specialUse");
    expect(paths(folders, slash, [{ path: "Archive", use: "\\Archive", selectable: false }])).toEqual({ Old: "Old" });
  });

  it("note no change where the names are equal", () => {
    const drafts = only(plan([{ path: "Drafts", use: "\\Drafts" }], exchange, exchangeFolders));
    expect(drafts).toMatchObject({ target: ["Drafts"], specialUse: "\\Drafts", changes: [] });
  });

  it("share the target's own with no other folder of that use, nor with one of that name", () => {
    const folders: (string | Listed)[] = [
      "sent items",
      { path: "Outgoing", use: "\\Sent" },
      { path: "Outgoing 2", use: "\\Sent" },
    ];
    expect(paths(folders, exchange, exchangeFolders)).toEqual({
      "sent items": "sent items (2)",
      Outgoing: "Sent Items",
      "Outgoing 2": "Outgoing 2",
    });
  });

  it("that are views of others go by name", () => {
    const there: Listed[] = [{ path: "Everything", use: "\\All" }];
    expect(paths([{ path: "All Mail", use: "\\All" }], slash, there)).toEqual({ "All Mail": "All Mail" });
  });

  it("keep their children below them", () => {
    const folders = ["Sent/2001", { path: "Sent", use: "\\Sent" as const }, "Sent/2001/May"];
    const plans = plan(folders, exchange, exchangeFolders);
    expect(plans.map(({ target }) => target.join("/"))).toEqual([
      "Sent Items/2001",
      "Sent Items",
      "Sent Items/2001/May",
    ]);
    expect(plans[2]?.changes).toEqual(['"Sent" is the \\Sent folder, which is "Sent Items" there.']);
    expect(plans[2]).not.toHaveProperty("specialUse");
  });
});

describe("folders that a server gives no special use", () => {
  it.each([
    ["Sent", "Sent Items"],
    ["sent messages", "Sent Items"],
    ["INBOX/Sent", "Sent Items"],
    ["Gesendete Elemente", "Sent Items"],
    ["E\u0301le\u0301ments envoye\u0301s", "Sent Items"],
    ["Entwürfe", "Drafts"],
    ["Papierkorb", "Deleted Items"],
    ["Corbeille", "Deleted Items"],
    ["Correo no deseado", "Junk Email"],
    ["Cestino", "Deleted Items"],
    ["Archive", "Archive"],
    ["Projects/Sent", "Projects/Sent"],
    ["INBOX/Old/Sent", "INBOX/Old/Sent"],
    ["Sent to Ann", "Sent to Ann"],
  ])("are recognised by their names at the top: %j goes to %j", (name, target) => {
    expect(paths([name], exchange, exchangeFolders)).toEqual({ [name]: target });
  });

  it("go by name where the target has no folder of that use", () => {
    expect(paths(["Papierkorb", "Sent"])).toEqual({ Papierkorb: "Papierkorb", Sent: "Sent" });
  });

  it("leave the target's own to a folder that says it has the use, and to one of the same name", () => {
    expect(paths(["Sent", { path: "Outgoing", use: "\\Sent" }], exchange, exchangeFolders)).toEqual({
      Sent: "Sent",
      Outgoing: "Sent Items",
    });
    expect(paths(["Sent", "sent items"], exchange, exchangeFolders)).toEqual({
      Sent: "Sent",
      "sent items": "Sent Items",
    });
  });

  it("get it one at a time, the first of the list", () => {
    expect(paths(["Sent Messages", "Sent"], exchange, exchangeFolders)).toEqual({
      "Sent Messages": "Sent Items",
      Sent: "Sent",
    });
  });
});

describe("the name of a folder", () => {
  const renamed = (level: string, rules: Partial<FolderNameRules> = {}) =>
    only(plan([{ path: [level], name: "raw" }], { ...slash, ...rules }));

  it.each<[string, string, Partial<FolderNameRules>]>([
    ["AC/DC", "AC_DC", {}],
    ["v1.2", "v1_2", { delimiter: "." }],
    ["what?*", "what__", { forbidden: "?*" }],
    ["a\r\nb\0", "a__b_", {}],
    ["half \ud800 pair", "half _ pair", {}],
    ["a_b", "a-b", { delimiter: "_" }],
    ["  blanks\u00a0", "blanks", {}],
    ["", "_", {}],
    [" \t ", "_", {}],
    ["..", "__", {}],
    ["...x", "...x", {}],
  ])("%j becomes %j, and the plan says so", (level, name, rules) => {
    const { target, changes } = renamed(level, rules);
    expect(target).toEqual([name]);
    expect(changes).toHaveLength(level === name ? 0 : 1);
  });

  it("says what became of it and why, without control characters", () => {
    expect(renamed(" a\r/b ").changes).toEqual([
      '" a\\r/b " is called "a__b": it held characters that a name there cannot hold, blanks around a name are left out there.',
    ]);
  });

  it("that is too long is cut, and still differs from one that differs only at its end", () => {
    const rules = { ...slash, maxLevelLength: 20 };
    const long = "A folder with a very long name";
    const [one, other, short] = plan([`${long} 1`, `${long} 2`, "x".repeat(20)], rules);
    expect(one?.target[0]).toMatch(/^A folder wi~[0-9a-f]{8}$/);
    expect(other?.target[0]).toMatch(/^A folder wi~[0-9a-f]{8}$/);
    expect(one?.target).not.toEqual(other?.target);
    expect(one?.changes[0]).toMatch(/it was too long there\.$/);
    expect(short).toMatchObject({ target: ["x".repeat(20)], changes: [] });
  });

  it("is not cut inside a character", () => {
    expect(renamed("😀".repeat(20), { maxLevelLength: 20 }).target[0]).toMatch(/^(😀){5}~[0-9a-f]{8}$/u);
  });

  it("takes the spelling of a folder that is there already, where case does not count", () => {
    const there = ["INBOX", "Projects", "Projects/Alpha"];
    const plans = plan(["projects/alpha", "projects"], exchange, there);
    expect(plans.map(({ target }) => target.join("/"))).toEqual(["Projects/Alpha", "Projects"]);
    expect(plans[1]?.changes).toEqual(['"projects" is called "Projects": a folder is there already in that spelling.']);
    expect(paths(["PROJECTS"], slash, there)).toEqual({ PROJECTS: "PROJECTS" });
  });
});

describe("folders that would meet", () => {
  it("are kept apart by a number, and the plan says so: names that differ in case, on a target where it does not count", () => {
    const plans = plan(["Work", "WORK", "work"], exchange);
    expect(plans.map(({ target }) => target[0])).toEqual(["Work", "WORK (2)", "work (3)"]);
    expect(plans[1]?.changes).toEqual(['"WORK" is called "WORK (2)": another folder has that name.']);
    expect(paths(["Work", "WORK"], slash)).toEqual({ Work: "Work", WORK: "WORK" });
  });

  it("are kept apart: names that differ only in blanks, or in what was replaced", () => {
    expect(paths(["a", "a ", { path: ["a:b"] }, "a_b"], { ...slash, forbidden: ":" })).toEqual({
      a: "a",
      "a ": "a (2)",
      "a:b": "a_b",
      a_b: "a_b (2)",
    });
  });

  it("are kept apart: raw names that decode alike", () => {
    expect(
      paths([
        { path: "é", name: "&AOk-" },
        { path: "é", name: "é" },
        { path: "INBOX" },
        { path: "INBOX", name: "inbox" },
      ]),
    ).toEqual({
      INBOX: "INBOX",
      "&AOk-": "é",
      é: "é (2)",
      inbox: "INBOX (2)",
    });
  });

  it("are kept apart from a folder that has such a number by its own right", () => {
    expect(paths(["a", "A", "A (2)"], exchange)).toEqual({ a: "a", A: "A (2)", "A (2)": "A (2) (2)" });
    expect(paths(["A (2)", "a", "A"], exchange)).toEqual({ "A (2)": "A (2)", a: "a", A: "A (3)" });
  });

  it("keep their children apart", () => {
    expect(paths(["a", "a/x", "A", "A/x"], exchange)).toEqual({ a: "a", "a/x": "a/x", A: "A (2)", "A/x": "A (2)/x" });
  });

  it("get the same places in a second plan, when the first was carried out", () => {
    const folders = [
      "Work",
      "WORK",
      "AC/DC",
      { path: "Gesendet", use: "\\Sent" as const },
      "Sent Items",
      "x".repeat(300),
    ];
    const first = paths(folders, exchange, exchangeFolders);
    expect(paths(folders, exchange, [...exchangeFolders, ...Object.values(first)])).toEqual(first);
  });
});

describe("a target's own form of folder names", () => {
  it("puts every user folder below its prefix, and INBOX nowhere else", () => {
    const courier = { ...slash, delimiter: ".", prefix: ["INBOX"] };
    const plans = plan(["INBOX", "INBOX/Sub", "Sent", "Sub"], courier);
    expect(plans.map(({ target }) => target.join("."))).toEqual(["INBOX", "INBOX.Sub", "INBOX.Sent", "INBOX.Sub (2)"]);
    expect(plans[2]?.changes).toEqual(['Folders stand below "INBOX" there.']);
    expect(plans[1]?.changes).toEqual([]);
  });

  it("without levels has the levels joined", () => {
    const flat = { caseInsensitive: false, prefix: [] };
    const plans = plan(["INBOX", "INBOX/Sub", "a/b", "a_b"], flat);
    expect(plans.map(({ target }) => target)).toEqual([["INBOX"], ["INBOX_Sub"], ["a_b"], ["a_b (2)"]]);
    expect(plans[2]?.changes).toEqual(['"a/b" is called "a_b": there are no levels there.']);
  });

  it("that leaves no room for a name refuses the folder and those below it, and no others", () => {
    const plans = plan(["long name", "long name/x", "ok"], { ...slash, maxLevelLength: 5 });
    expect(plans.map(({ refusal }) => refusal !== undefined)).toEqual([true, true, false]);
    expect(plans[0]?.refusal).toBe('"long name" does not fit into a name there.');
  });

  it("refuses a folder that has no name", () => {
    expect(only(plan([{ path: [], name: "?" }])).refusal).toBe("The folder has no name.");
  });
});

describe("any plan", () => {
  const level = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "a",
        "A",
        "a ",
        "b",
        "Sent",
        "SENT",
        "Trash",
        "INBOX",
        "inbox",
        "a_b",
        "a (2)",
        "a/b",
        "a.b",
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 30, unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom("", " ", "..", "~", "x".repeat(300), "é", "e\u0301", "\ud800") },
  );
  const uses = fc.constantFrom<SpecialUse>("\\Sent", "\\Trash", "\\Archive", "\\All");
  const folder = fc.record({
    levels: fc.array(level, { minLength: 1, maxLength: 4 }),
    selectable: fc.boolean(),
    use: fc.option(uses, { nil: undefined }),
  });
  const folders = fc
    .array(folder, { maxLength: 12 })
    .map((all) =>
      all.map(({ levels, selectable, use }, at) =>
        source({ path: levels, name: `${at % 9}`, selectable, ...(use && { use }) }),
      ),
    );
  const rules = fc.record(
    {
      delimiter: fc.constantFrom("/", ".", "\\", "_"),
      caseInsensitive: fc.boolean(),
      forbidden: fc.constantFrom("", "\\:*?<>|", "()~_"),
      maxLevelLength: fc.constantFrom(5, 14, 60, 250),
      prefix: fc.constantFrom([], ["INBOX"], ["Mail", "Folders"]),
    },
    { requiredKeys: ["caseInsensitive", "prefix"] },
  );
  // A target lists no two folders that are one to it.
  const targets = fc.tuple(rules, fc.array(folder, { maxLength: 6 })).map(([names, all]): PlanTarget => {
    const own = new Map<string, ListedFolder>();
    for (const { levels, selectable, use } of all) {
      own.set(
        levels.join("/").normalize("NFC").toLowerCase(),
        listed({ path: levels, selectable, ...(use && { use }) }),
      );
    }
    return { folders: [...own.values()], names };
  });
  const holds = (check: (plans: FolderPlan[], source: SourceFolder[], target: PlanTarget) => void) =>
    fc.assert(
      fc.property(folders, targets, (some, target) => check(planFolders(some, target), some, target)),
      { numRuns: 300 },
    );
  const identity = (target: readonly string[], { caseInsensitive }: FolderNameRules) =>
    JSON.stringify(caseInsensitive ? target.map((each) => each.toLowerCase()) : target);

  it("sends no two folders to one", () => {
    holds((plans, _, { names }) => {
      const targets = plans.filter(({ refusal }) => !refusal).map(({ target }) => identity(target, names));
      expect(new Set(targets).size).toBe(targets.length);
    });
  });

  it("has every folder that can hold mail exactly once", () => {
    holds((plans, some) => {
      const planned = plans.map(({ source: { name } }) => name);
      expect(new Set(planned).size).toBe(planned.length);
      const first = new Map([...some].reverse().map((each) => [each.name, each]));
      for (const { name, selectable } of first.values()) if (selectable) expect(planned).toContain(name);
    });
  });

  it("keeps to the target's rules in every level that is not there already", () => {
    holds((plans, _, { folders: there, names }) => {
      const { delimiter = "", forbidden = "", maxLevelLength = Number.POSITIVE_INFINITY, prefix } = names;
      const known = new Set(there.flatMap(({ levels }) => levels).concat(prefix, "INBOX"));
      for (const { target, refusal } of plans) {
        if (refusal) continue;
        expect(target.length).toBeGreaterThan(0);
        for (const each of target) {
          if (known.has(each)) continue;
          expect(each).toBe(each.trim());
          expect(each).not.toBe("");
          expect(each).not.toMatch(/[\p{Cc}\p{Cs}]/u);
          expect(each.length).toBeLessThanOrEqual(maxLevelLength);
          expect(Array.from(delimiter + forbidden).filter((character) => each.includes(character))).toEqual([]);
        }
        if (!names.delimiter) expect(target.length === 1 || there.some(({ levels }) => levels === target)).toBe(true);
      }
    });
  });

  it("notes a change exactly where the names differ", () => {
    holds((plans) => {
      for (const { source: from, target, changes, refusal } of plans) {
        if (refusal) continue;
        const isEqual = JSON.stringify(from.levels) === JSON.stringify(target);
        expect(changes.length === 0, `${JSON.stringify([from.levels, target, changes])}`).toBe(isEqual);
      }
    });
  });

  it("is made the same way twice", () => {
    holds((plans, some, target) => {
      expect(planFolders(some, target)).toEqual(plans);
    });
  });
});
