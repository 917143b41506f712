import { describe, expect, it } from "vitest";
import { listForReading, readingOrder, readingStages } from "../../../../src/engine/folders/reading-order.js";
import type { SourceFolder } from "../../../../src/mail/folder.js";
import { gmail } from "../../../../src/providers/profiles.js";

const folder = (name: string, uidNext: number, change: Partial<SourceFolder> = {}): SourceFolder => ({
  ...{ name, levels: name.split("/"), selectable: true, uidValidity: 1, uidNext, messages: uidNext - 1 },
  ...change,
});
const allMail = (uidNext: number) => folder("All Mail", uidNext, { specialUse: "\\All" });

describe("listForReading", () => {
  it("lists the other folders anew, and keeps the numbers of the one that copies the rest, where that has news", async () => {
    const listings = [
      [folder("INBOX", 5), allMail(9)],
      [folder("INBOX", 6), allMail(10)],
    ];
    const listed = await listForReading(
      async () => listings.shift() ?? [],
      gmail,
      () => true,
    );
    expect(listed.map(({ name, uidNext }) => [name, uidNext])).toEqual([
      ["INBOX", 6],
      ["All Mail", 9],
    ]);
  });

  it("takes the new numbers of one that has another UIDVALIDITY by then", async () => {
    const listings = [[allMail(9)], [{ ...allMail(3), uidValidity: 2 }]];
    const list = async () => listings.shift() ?? [];
    expect((await listForReading(list, gmail, () => true))[0]).toMatchObject({ uidNext: 3, uidValidity: 2 });
  });

  it("lists once where it has none, and where there is no provider", async () => {
    let listings = 0;
    const list = async () => {
      listings += 1;
      return [folder("INBOX", 5), allMail(9)];
    };
    await listForReading(list, gmail, ({ name }) => name === "INBOX");
    await listForReading(list, undefined, () => true);
    expect(listings).toBe(2);
  });
});

describe("readingOrder", () => {
  it("is as listed where there is no provider", () => {
    const listed = [allMail(9), folder("INBOX", 5)];
    expect(readingOrder(listed, undefined).folders.map((each) => [each.folder.name, each.copies])).toEqual([
      ["All Mail", "all"],
      ["INBOX", "all"],
    ]);
  });
});

describe("readingStages", () => {
  it("puts side by side what gives all, and alone what gives the rest", () => {
    const stages = (text: string) => readingStages([...text], (item) => item === "r").map((stage) => stage.join(""));
    expect(stages("aaarraar")).toEqual(["aaa", "r", "r", "aa", "r"]);
    expect(stages("")).toEqual([]);
    expect(stages("aa")).toEqual(["aa"]);
  });
});
