import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CsvFault } from "../../src/csv/csv-faults.js";
import type { CsvParseOptions } from "../../src/csv/read-user-list.js";
import { CsvRow, type CsvRowInit } from "../../src/csv-row.js";
import { MigrationError } from "../../src/errors.js";

const HEADER = "EmailAddress,UserName,Password";
const HEADER_WITH_ROOT = `${HEADER},UserRoot`;

/** The one error of the kind that a user list can cause. */
function errorOf(act: () => unknown): MigrationError {
  try {
    act();
  } catch (error) {
    if (MigrationError.is(error) && error.code === "csv-invalid") return error;
    throw error;
  }
  throw new Error("no error was thrown");
}

function faultsOf(input: string | Uint8Array, options?: CsvParseOptions): readonly CsvFault[] {
  return errorOf(() => CsvRow.parse(input, options)).faults ?? [];
}

/** Kind, line and column of each fault, in a form that reads well in a failed test. */
function placesOf(input: string | Uint8Array, options?: CsvParseOptions): string[] {
  return faultsOf(input, options).map(({ kind, line, column }) => [kind, line, column].filter(Boolean).join(" "));
}

function read(input: string | Uint8Array, options?: CsvParseOptions): CsvRowInit[] {
  return CsvRow.parse(input, options).map(initOf);
}

function initOf(row: CsvRow): CsvRowInit {
  return { ...row, password: row.password };
}

function utf16(text: string, bigEndian = false): Buffer {
  const octets = Buffer.from(`\uFEFF${text}`, "utf16le");
  return bigEndian ? octets.swap16() : octets;
}

/** Everything that a log, a crash report or a debugger may print of a value. */
function dumpsOf(value: object): string[] {
  return [
    JSON.stringify(value),
    inspect(value),
    inspect(value, { showHidden: true, depth: null }),
    inspect(value, { showHidden: true, getters: true, depth: null }),
    inspect(value, { customInspect: false, showHidden: true, depth: null }),
    inspect(structuredClone(value), { showHidden: true, getters: true, depth: null }),
    inspect({ ...value }, { showHidden: true, getters: true, depth: null }),
    String(value),
  ];
}

describe("CsvRow.parse", () => {
  it("reads Microsoft's example with the users' own passwords", () => {
    const file = `${HEADER}
terrya@contoso.edu,terry.adams,1091990
annb@contoso.edu,ann.beebe,2111991
paulc@contoso.edu,paul.cannon,3281986
`;
    expect(read(file)).toEqual([
      { emailAddress: "terrya@contoso.edu", userName: "terry.adams", password: "1091990" },
      { emailAddress: "annb@contoso.edu", userName: "ann.beebe", password: "2111991" },
      { emailAddress: "paulc@contoso.edu", userName: "paul.cannon", password: "3281986" },
    ]);
  });

  it("reads Microsoft's example with an administrator's login and UserRoot", () => {
    const file = `${HEADER_WITH_ROOT}
terrya@contoso.edu,mailadmin,P@ssw0rd,/users/terry.adams
annb@contoso.edu,mailadmin,P@ssw0rd,/users/ann.beebe
paulc@contoso.edu,mailadmin,P@ssw0rd,/users/paul.cannon`;
    expect(CsvRow.parse(file).map(({ userName, password, userRoot }) => [userName, password, userRoot])).toEqual([
      ["mailadmin", "P@ssw0rd", "/users/terry.adams"],
      ["mailadmin", "P@ssw0rd", "/users/ann.beebe"],
      ["mailadmin", "P@ssw0rd", "/users/paul.cannon"],
    ]);
  });

  it("takes the columns in any order and the header in quotes", () => {
    expect(read('Password,"UserRoot",EmailAddress,UserName\np,/users/u,a@b,u')).toEqual([
      { emailAddress: "a@b", userName: "u", password: "p", userRoot: "/users/u" },
    ]);
  });

  it("has no userRoot where the cell is empty", () => {
    const [row] = CsvRow.parse(`${HEADER_WITH_ROOT}\na@b,u,p, `);
    expect(row).not.toHaveProperty("userRoot");
  });

  it.each([
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ])("reads lines that end in %s", (_, lineEnd) => {
    expect(read([HEADER, "a@b,u,p", "c@d,v,q", "", ""].join(lineEnd))).toEqual([
      { emailAddress: "a@b", userName: "u", password: "p" },
      { emailAddress: "c@d", userName: "v", password: "q" },
    ]);
  });

  const international = `${HEADER}\r\nrené@contoso.edu,rené,pä\u{1F511}ß`;
  it.each([
    ["UTF-8", Buffer.from(international)],
    ["UTF-8 with a byte order mark", Buffer.from(`\uFEFF${international}`)],
    ["UTF-16 LE with a byte order mark", utf16(international)],
    ["UTF-16 BE with a byte order mark", utf16(international, true)],
    ["a string with a byte order mark", `\uFEFF${international}`],
    ["octets at an odd offset of a larger buffer", new Uint8Array(Buffer.from(`x${international}`)).subarray(1)],
  ])("reads %s", (_, input) => {
    expect(read(input)).toEqual([{ emailAddress: "rené@contoso.edu", userName: "rené", password: "pä\u{1F511}ß" }]);
  });

  it("leaves the octets it was given as they were", () => {
    const octets = utf16(international, true);
    const before = Buffer.from(octets);
    CsvRow.parse(octets);
    expect(octets.equals(before)).toBe(true);
  });

  it.each([
    ["blanks around it", "  p  ", "  p  "],
    ["only blanks", "   ", "   "],
    ["a tab and a no-break space", "\tp\u00A0", "\tp\u00A0"],
    ["a comma and quotes", '"a,""b"""', 'a,"b"'],
    ["a formula sign", "=1+1", "=1+1"],
    ["letters and accents apart (NFD)", "re\u0301ne\u0301", "re\u0301ne\u0301"],
    ["a control character", "p\u0007", "p\u0007"],
    ["a replacement character", "p\uFFFD", "p\uFFFD"],
    ["a lone surrogate beside a noncharacter", "\uFDD0d800\uD800\uFDD0", "\uFDD0d800\uD800\uFDD0"],
    ["leading zeros", "007", "007"],
  ])("takes a password exactly: %s (R20)", (_, cell, password) => {
    expect(CsvRow.parse(`${HEADER}\na@b,u,${cell}\n`)[0]?.password).toBe(password);
  });

  it("removes blanks around all cells but the password", () => {
    expect(read(`EmailAddress , UserName,Password,\tUserRoot\n a@b\t, u v , p ,"  /users/u "`)).toEqual([
      { emailAddress: "a@b", userName: "u v", password: " p ", userRoot: "/users/u" },
    ]);
  });

  it("passes over other columns when told to, line ends in them included", () => {
    const file = `${HEADER},Note\na@b,u,p,"two\nlines"\nc@d,v,q,`;
    expect(read(file, { allowUnknownColumns: true }).map(({ password }) => password)).toEqual(["p", "q"]);
  });

  it("reads 50,000 rows, Microsoft's limit, and no more", () => {
    const rows = Array.from({ length: 50_000 }, (_, index) => `user${index}@contoso.edu,user${index},pw${index}\n`);
    const file = `${HEADER}\n${rows.join("")}`;
    const read = CsvRow.parse(file);
    expect(read).toHaveLength(50_000);
    expect(read[49_999]?.password).toBe("pw49999");
    expect(placesOf(`${file}one@more,u,p`)).toEqual(["too-many-rows 50002"]);
  });

  it("gives a password to no dump of a row (R10)", () => {
    const [row] = CsvRow.parse(`${HEADER_WITH_ROOT}\na@b,u,S3cret,/users/u`);
    if (row === undefined) throw new Error("no row");
    for (const dump of dumpsOf(row)) expect(dump).not.toContain("S3cret");
    expect(JSON.parse(JSON.stringify(row))).toEqual({ emailAddress: "a@b", userName: "u", userRoot: "/users/u" });
    expect(inspect(row)).toBe("CsvRow { emailAddress: 'a@b', userName: 'u', userRoot: '/users/u' }");
    expect(row.password).toBe("S3cret");
  });
});

describe("faults of a user list", () => {
  it.each<[string, string | Uint8Array, string[], CsvParseOptions?]>([
    ["an empty file", "", ["empty-file 1"]],
    ["a file of blank lines", "\uFEFF\r\n \r\n", ["empty-file 1"]],
    ["no octets", new Uint8Array(), ["empty-file 1"]],
    ["a header alone", `${HEADER}\n\n`, ["no-rows 1"]],
    ["too many rows", `${HEADER}\na@b,u,p\nc@d,u,p\ne@f,u,p`, ["too-many-rows 3"], { maxRows: 1 }],
    ["too many octets", Buffer.from(`${HEADER}\na@b,u,p`), ["too-large 1"], { maxOctets: 30 }],
    ["a string of too many octets", `${HEADER}\né@b,u,p`, ["too-large 1"], { maxOctets: 38 }],
    ["a missing column", "EmailAddress,Password\na@b,p", ["missing-column 1 UserName"]],
    ["an unknown column", `${HEADER},Note\na@b,u,p,n`, ["unknown-column 1"]],
    ["a column without a name", `${HEADER},\na@b,u,p,`, ["unknown-column 1"]],
    ["a column twice", `${HEADER},UserName\na@b,u,p,u`, ["duplicate-column 1 UserName"]],
    ["semicolons", "EmailAddress;UserName;Password\na@b;u;p", ["not-comma-separated 1"]],
    ["quoted semicolons", '"EmailAddress";"UserName";"Password"\n"a@b";"u";"p"', ["not-comma-separated 1"]],
    ["tabs", "EmailAddress\tUserName\tPassword\na@b\tu\tp", ["not-comma-separated 1"]],
    ["too few cells", `${HEADER}\na@b,u`, ["cell-count 2"]],
    ["too many cells", `${HEADER}\na@b,u,p,q`, ["cell-count 2"]],
    ["blank lines between rows", `${HEADER}\n\n\na@b,u,p\n \nc@d,u,p\n\n`, ["blank-line 2", "blank-line 5"]],
    ["an empty address", `${HEADER}\n ,u,p`, ["empty-cell 2 EmailAddress"]],
    ["an empty user name", `${HEADER}\na@b,,p`, ["empty-cell 2 UserName"]],
    ["an empty password", `${HEADER}\na@b,u,""`, ["empty-cell 2 Password"]],
    ["an address twice", `${HEADER}\na@b,u,p\nc@d,u,p\nA@B,u,p`, ["duplicate-address 4 EmailAddress"]],
    ["a quote that is never closed", `${HEADER}\na@b,u,"p\nc@d,u,p`, ["unterminated-quote 2 Password"]],
    ["a quote that meets another row's", `${HEADER}\na@b,u,"p\nc@d,u,"q"`, ["unterminated-quote 2 Password"]],
    ["a quote in the middle of a cell", `${HEADER}\na@b,u"v,p`, ["stray-quote 2 UserName"]],
    ["text behind a quoted cell", `${HEADER}\na@b,u,"p" `, ["stray-quote 2 Password"]],
    ["a blank before a quote", `${HEADER}\na@b, "u",p`, ["stray-quote 2 UserName"]],
    ["a broken header", `EmailAddress,"User"Name,Password\na@b,u,p,q`, ["stray-quote 1"]],
    ["Latin-1", Buffer.from(`${HEADER}\na@b,u,p\nc@d,u,ä\n`, "latin1"), ["invalid-encoding 3"]],
    ["UTF-16 with a lone surrogate", utf16(`${HEADER}\na@b,u,\uD800`), ["invalid-encoding 2"]],
    ["half a unit of UTF-16", utf16(`${HEADER}\na@b,u,p`).subarray(0, -1), ["invalid-encoding 2"]],
    ["a NUL", `${HEADER}\na@b,u,p\0\nc@d,u,p`, ["nul-byte 2"]],
    ["UTF-16 without a mark", utf16(`${HEADER}\na@b,u,p`).subarray(2), ["nul-byte 1", "nul-byte 2"]],
    ["a control character in a user name", `${HEADER}\na@b,u\u0007v,p`, ["invalid-character 2 UserName"]],
    ["a lone surrogate in a user name", `${HEADER}\na@b,u\uDC00,p`, ["invalid-character 2 UserName"]],
    ["a line end in a UserRoot", `${HEADER_WITH_ROOT}\na@b,u,p,"/\n"`, ["invalid-character 2 UserRoot"]],
    ["a CR in a password", `${HEADER}\na@b,u,"p\rq"`, ["invalid-character 2 Password"]],
    [
      "an LF in a password",
      `${HEADER}\na@b,u,"p\nq"\nc@d,u,`,
      ["invalid-character 2 Password", "empty-cell 4 Password"],
    ],
  ])("refuses %s", (_, input, places, options) => {
    expect(placesOf(input, options)).toEqual(places);
  });

  it.each([
    "terrya",
    "@contoso.edu",
    "terrya@",
    "terry@adams@contoso.edu",
    "terry adams@contoso.edu",
    "terry\u00A0@contoso.edu",
    "<terrya@contoso.edu>",
    "terrya@contoso.edu;annb",
    "mailto:terrya@contoso.edu",
    "terry\u0007@contoso.edu",
    `${"a".repeat(64)}@${"b".repeat(256)}`,
  ])("refuses %j as an address", (address) => {
    expect(placesOf(`${HEADER}\n${address},u,p`)).toEqual(["invalid-address 2 EmailAddress"]);
  });

  it.each(["terrya@localhost", "o'neil+x@contoso.edu", "rené@münchen.example", `${"a".repeat(64)}@${"b".repeat(255)}`])(
    "takes %j as an address",
    (address) => {
      expect(CsvRow.parse(`${HEADER}\n${address},u,p`)[0]?.emailAddress).toBe(address);
    },
  );

  it("refuses a semicolon file and says why", () => {
    const { message, faults } = errorOf(() => CsvRow.parse("EmailAddress;UserName;Password\na@b;u;p"));
    expect(message).toContain("semicolons");
    expect(faults?.[0]?.remedy).toContain("commas");
  });

  it.each([
    ["EmailAdress", "EmailAddress"],
    ["emailaddress", "EmailAddress"],
    ["Email Address", "EmailAddress"],
    ["E-Mail_Address", "EmailAddress"],
  ])("takes %j for no column, asks for the right spelling, and still checks the cells", (written, meant) => {
    const faults = faultsOf(`${written},UserName,Password\na@b@c,u,p`);
    expect(faults.map(({ kind, line, column }) => [kind, line, column])).toEqual([
      ["unknown-column", 1, meant],
      ["invalid-address", 2, meant],
    ]);
    expect(faults[0]?.message).toContain(`did you mean "${meant}"`);
    expect(faults[0]?.message).not.toContain(written);
  });

  it("refuses a misspelt UserRoot even when unknown columns are allowed", () => {
    expect(placesOf(`${HEADER},userroot\na@b,u,p,/users/u`, { allowUnknownColumns: true })).toEqual([
      "unknown-column 1 UserRoot",
    ]);
  });

  it("allows a column that resembles one which is there", () => {
    expect(CsvRow.parse(`${HEADER},Passwords\na@b,u,p,q`, { allowUnknownColumns: true })[0]?.password).toBe("p");
  });

  it("says of a file without a header that the first line is a row", () => {
    const faults = faultsOf("a@b,u,Pasword\nc@d,v,q");
    expect(faults.map(({ kind, column }) => [kind, column])).toEqual([
      ["missing-column", "EmailAddress"],
      ["missing-column", "UserName"],
      ["missing-column", "Password"],
    ]);
    expect(faults[0]?.message).toContain("looks like a row");
  });

  it("names both lines of an address that stands twice", () => {
    const [fault] = faultsOf(`${HEADER}\na@b,u,p\nA@B,u,p`);
    expect([fault?.line, fault?.message]).toEqual([3, "The address stands in line 2 too"]);
  });

  it("names every fault of a file at once, in the order of the lines (R20)", () => {
    const file = Buffer.concat([
      Buffer.from(`EmailAddress,UserName,Password,Note,UserName\r\n\r\na@b,u,"p\r\n`),
      Buffer.from([0xe9]),
      Buffer.from(`,u,p,,\r\nc@d,"u\nv",p,,\r\nA,,,,\r\nc@d,u,"p"q,,\r\nC@D,u,p,,\r\nx,y\r\n\0,u,p,,`),
    ]);
    expect(placesOf(file, { maxRows: 6 })).toEqual([
      "unknown-column 1",
      "duplicate-column 1 UserName",
      "blank-line 2",
      "unterminated-quote 3 Password",
      "invalid-encoding 4",
      "invalid-character 5 UserName",
      "empty-cell 7 UserName",
      "empty-cell 7 Password",
      "invalid-address 7 EmailAddress",
      "stray-quote 8 Password",
      "duplicate-address 9 EmailAddress",
      "too-many-rows 10",
      "cell-count 10",
      "nul-byte 11",
    ]);
  });

  it("names a bounded number of faults in a hostile file (R13)", () => {
    expect(placesOf(",".repeat(1000))).toEqual(["unknown-column 1", "no-rows 1"]);
    expect(faultsOf(`${HEADER}\n${"a\n".repeat(1000)}`, { maxRows: 10 })).toHaveLength(12);
    expect(faultsOf(`${HEADER}\na@b,u,p\n${"\0\n".repeat(200_000)}`, { maxRows: 1 })).toHaveLength(100_002);
  });

  it("sums up the first faults in its message and gives each a remedy", () => {
    const error = errorOf(() => CsvRow.parse(`${HEADER}\n${"x,u,p\n".repeat(20)}`));
    expect(error.message).toMatch(/^The user list has 39 faults: line 2, EmailAddress: .*; and so on$/);
    expect(error.message.length).toBeLessThan(500);
    expect(error.faults).toHaveLength(39);
    for (const { remedy } of error.faults ?? []) expect(remedy).not.toBe("");
  });

  it("quotes no cell in an error, wherever a password stands (R10)", () => {
    const secret = "Kn0bl@uch-Suppe";
    const files = [
      `a@b,u,${secret}`,
      `${secret},a@b,u`,
      `EmailAddress,UserName,${secret}\na@b,u,p`,
      `EmailAddress;UserName;${secret}`,
      `${HEADER}\n${secret},u,p\n${secret},u,p`,
      `${HEADER}\na@b,${secret}\u0007,p`,
      `${HEADER}\na@b,u,"${secret}\nx"`,
      `${HEADER}\na@b,u,"${secret}`,
      `${HEADER}\na@b,u,"x"${secret}`,
      `${HEADER}\na@b,u,${secret}"`,
      `${HEADER}\na@b,u,p,${secret}`,
      `${HEADER}\na@b,u,${secret}\0`,
      Buffer.from(`${HEADER}\na@b,u,${secret}ä`, "latin1"),
    ];
    for (const file of files) {
      const error = errorOf(() => CsvRow.parse(file));
      for (const dump of [...dumpsOf(error), error.stack ?? ""]) expect(dump).not.toContain(secret);
    }
  });

  it("answers every text with rows or with faults whose lines exist", () => {
    const piece = fc.constantFrom(
      HEADER,
      "a@b",
      "c@d",
      "u",
      '"',
      '""',
      ",",
      "\n",
      "\r\n",
      "\r",
      " ",
      "\0",
      "\uD800",
      "\uFDD0",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.boolean(), (pieces, allowUnknownColumns) => {
        const text = pieces.join("");
        try {
          CsvRow.parse(text, { allowUnknownColumns });
        } catch (error) {
          if (!MigrationError.is(error) || error.faults === undefined) throw error;
          const lines = text.split(/\r\n|\r|\n/).length;
          expect(error.faults.length).toBeGreaterThan(0);
          for (const { line } of error.faults) expect(line >= 1 && line <= lines).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("answers any octets with rows or with faults", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (octets, withHeader) => {
        const file = withHeader ? Buffer.concat([Buffer.from(`${HEADER}\n`), octets]) : octets;
        try {
          CsvRow.parse(file);
        } catch (error) {
          if (!MigrationError.is(error) || error.faults === undefined) throw error;
          expect(error.faults.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a row without a file", () => {
  it("is what a file with the same cells would give", () => {
    const row = new CsvRow({ emailAddress: " a@b ", userName: "u\t", password: " p ", userRoot: "" });
    expect(initOf(row)).toEqual({ emailAddress: "a@b", userName: "u", password: " p " });
  });

  it("is refused with every fault and without its password", () => {
    const error = errorOf(() => new CsvRow({ emailAddress: "a", userName: " ", password: "S3c\0ret", userRoot: "\n" }));
    expect(error.faults?.map(({ kind, line, column }) => [kind, line, column])).toEqual([
      ["empty-cell", 0, "UserName"],
      ["invalid-address", 0, "EmailAddress"],
      ["invalid-character", 0, "UserRoot"],
      ["invalid-character", 0, "Password"],
    ]);
    expect(error.message).toMatch(/^The row has 4 faults: UserName: /);
    for (const dump of dumpsOf(error)) expect(dump).not.toContain("S3c");
  });
});

/** Any UTF-16 code units but those that no sign-in can send, with those that matter to CSV more often. */
const codeUnit = fc.oneof(
  fc.constantFrom('"', ",", " ", "\t", "=", "'", ";", "\uFEFF", "\uFDD0"),
  fc.integer({ min: 1, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
);
const password = fc
  .array(codeUnit, { minLength: 1, maxLength: 12 })
  .map((units) => units.join("").replace(/[\r\n]/g, "x"));

const plainText = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/^[ \t]+|[ \t]+$|[\p{Control}\p{Surrogate}]/gu, "") || "u");

const userList = fc
  .array(fc.record({ userName: plainText, password, userRoot: fc.option(plainText, { nil: "" }) }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((rows) => rows.map((row, index) => new CsvRow({ emailAddress: `user${index}@contoso.edu`, ...row })));

/** How somebody else's program may write a list. */
const style = fc.record({
  columns: fc.shuffledSubarray(["EmailAddress", "UserName", "Password", "UserRoot"] as const, { minLength: 4 }),
  lineEnd: fc.constantFrom("\n", "\r\n", "\r"),
  trailing: fc.constantFrom(0, 1, 3),
  quoteAll: fc.boolean(),
  encoding: fc.constantFrom("string", "utf8", "utf8 with mark", "utf16le", "utf16be"),
});

describe("round trip", () => {
  it("reads back what stringify wrote, in 2,000 random lists (R20)", () => {
    fc.assert(
      fc.property(userList, (rows) => {
        expect(CsvRow.parse(CsvRow.stringify(rows)).map(initOf)).toEqual(rows.map(initOf));
      }),
      { numRuns: 2000 },
    );
  });

  it("reads 2,000 random lists in the styles of other programs (R20)", () => {
    fc.assert(
      fc.property(userList, style, (rows, { columns, lineEnd, trailing, quoteAll, encoding }) => {
        const wanted = encoding === "string" ? rows : rows.map(wellFormed);
        const lines = wanted.map((row) => {
          const cells = { EmailAddress: row.emailAddress, UserName: row.userName, Password: row.password };
          return columns.map((column) => ({ ...cells, UserRoot: row.userRoot ?? "" })[column]);
        });
        const written = [columns, ...lines].map((cells) =>
          cells.map((cell) => (quoteAll || /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(","),
        );
        const text = written.join(lineEnd) + lineEnd.repeat(trailing);
        expect(CsvRow.parse(encode(text, encoding)).map(initOf)).toEqual(wanted.map(initOf));
      }),
      { numRuns: 2000 },
    );
  });

  it("writes the column UserRoot only when a row has one, and CRLF", () => {
    const plain = new CsvRow({ emailAddress: "a@b", userName: "u", password: 'p,"q' });
    const rooted = new CsvRow({ emailAddress: "c@d", userName: "v", password: " r", userRoot: "/users/v" });
    expect(CsvRow.stringify([plain])).toBe(`${HEADER}\r\na@b,u,"p,""q"\r\n`);
    expect(CsvRow.stringify([plain, rooted])).toBe(`${HEADER_WITH_ROOT}\r\na@b,u,"p,""q",\r\nc@d,v," r",/users/v\r\n`);
  });
});

/** Octets cannot hold a lone surrogate. */
function wellFormed(row: CsvRow): CsvRow {
  return new CsvRow({ ...row, password: row.password.replace(/\p{Surrogate}/gu, "\uFFFD") });
}

function encode(text: string, encoding: string): string | Uint8Array {
  if (encoding === "utf8") return Buffer.from(text);
  if (encoding === "utf8 with mark") return Buffer.from(`\uFEFF${text}`);
  return encoding === "string" ? text : utf16(text, encoding === "utf16be");
}
