import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFolderName, encodeFolderName, splitLevels } from "../../../src/imap/folder-names.js";

const wholeText = fc.string({ unit: "binary" }).filter((text) => !/\p{Cs}/u.test(text));
const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)) });

describe("a folder name in modified UTF-7", () => {
  it.each([
    ["~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"], // RFC 3501 section 5.1.3
    ["Entw&APw-rfe", "Entwürfe"],
    ["R&-D", "R&D"],
    ["&2D3eAA-", "😀"],
    ["INBOX", "INBOX"],
    ["", ""],
  ])("%j is %j, and back", (raw, text) => {
    expect(decodeFolderName(raw)).toBe(text);
    expect(encodeFolderName(text)).toBe(raw);
  });

  it.each([
    "R&D", // no end
    "&AOA", // no end, where `&AOA-` is another folder
    "&A-", // less than one octet
    "&Work-life", // three octets are not whole characters
    "&2D3-x", // half a surrogate pair
    "&AOB-", // bits that belong to no character
    "&U,BTFw==-", // padding
    "& -",
  ])("stays as it is where it is none: %j", (raw) => {
    expect(decodeFolderName(raw)).toBe(raw);
  });

  it("is read although it shifts more often than it need", () => {
    expect(decodeFolderName("&AGE-&AOk-&AOk-")).toBe("aéé");
  });

  it("is read as UTF-8 where a server sends that, and stays as it is where it is neither", () => {
    expect(decodeFolderName(Buffer.from("Entwürfe & R&D", "utf8").toString("latin1"))).toBe("Entwürfe & R&D");
    expect(decodeFolderName("Entw\xfcrfe")).toBe("Entw\xfcrfe");
    expect(decodeFolderName("\xef\xbb\xbfx")).toBe("\ufeffx");
  });

  it("refuses to name half a character", () => {
    expect(() => encodeFolderName("a\ud800b")).toThrow(expect.objectContaining({ code: "folder-name" }));
  });

  it("comes back from every text, in printable ASCII", () => {
    fc.assert(
      fc.property(wholeText, (text) => {
        const raw = encodeFolderName(text);
        expect(raw).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeFolderName(raw)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it("is decoded without throwing, whatever octets a server sends, and never to half a character", () => {
    const likelyOctets = fc.string({ unit: fc.constantFrom(..."&-+,/AOkgD2w9 .\xc3\xa9\x00") });
    fc.assert(
      fc.property(fc.oneof(octets, likelyOctets), (raw) => {
        expect(decodeFolderName(raw)).not.toMatch(/\p{Cs}/u);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the levels of a folder name", () => {
  it.each<[string, string | undefined, string[]]>([
    ["INBOX", "/", ["INBOX"]],
    ["inBox", "/", ["INBOX"]],
    ["inbox/Inbox", "/", ["INBOX", "Inbox"]],
    ["Inbox.x", ".", ["INBOX", "x"]],
    ["Inboxes/x", "/", ["Inboxes", "x"]],
    ["Projects/inbox", "/", ["Projects", "inbox"]],
    ["a.b/c", "/", ["a.b", "c"]],
    ["a/b", undefined, ["a/b"]],
    ["inbox", undefined, ["INBOX"]],
    ["inbox/x", undefined, ["inbox/x"]],
    ["a/b/", "/", ["a", "b"]],
    ["/a", "/", ["", "a"]],
    ["a//b", "/", ["a", "", "b"]],
    ["", "/", [""]],
    ["Entw&APw-rfe\\&-", "\\", ["Entwürfe", "&"]],
    ["&AC8-/b", "/", ["/", "b"]],
  ])("of %j with %j between are %j", (raw, delimiter, levels) => {
    expect(splitLevels(raw, delimiter)).toEqual(levels);
  });

  it("come back from every path that does not begin with INBOX or end without a name", () => {
    const level = wholeText.filter((text) => text !== "" && !text.includes("/") && text.toUpperCase() !== "INBOX");
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 5 }), (levels) => {
        expect(splitLevels(levels.map(encodeFolderName).join("/"), "/")).toEqual(levels);
      }),
    );
  });

  it("are found without throwing in whatever octets a server sends", () => {
    fc.assert(
      fc.property(octets, fc.option(fc.constantFrom("/", ".", "\\", "&"), { nil: undefined }), (raw, delimiter) => {
        expect(splitLevels(raw, delimiter).length).toBeGreaterThan(0);
      }),
    );
  });
});
