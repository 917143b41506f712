import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import { LITERAL } from "../../../../src/imap/wire/response-reader.js";
import { parseValues, type ResponseValue } from "../../../../src/imap/wire/response-values.js";

const code = (call: () => unknown) => {
  try {
    call();
    return undefined;
  } catch (error) {
    return MigrationError.is(error) ? error.code : error;
  }
};

describe("parseValues", () => {
  it.each<[string, ResponseValue[]]>([
    ["", []],
    ["a  b", ["a", "b"]],
    ["NIL nil Nil NILS", [null, null, null, "NILS"]],
    ["() (())", [[], [[]]]],
    ['"" "a b" "\\"\\\\"', ["", "a b", '"\\']],
    ["(UID 5 (a (b)) c)", [["UID", "5", ["a", ["b"]], "c"]]],
    ["BODY[HEADER.FIELDS (DATE X)] x", ["BODY[HEADER.FIELDS (DATE X)]", "x"]],
    ["BODY[]<0> x", ["BODY[]<0>", "x"]],
    ["\\Seen $Forwarded gr\xfcn", ["\\Seen", "$Forwarded", "gr\xfcn"]],
  ])("reads %j", (text, values) => {
    expect(parseValues(text, [])).toEqual(values);
  });

  it("takes a bracket in a keyword for a character like any other", () => {
    expect(parseValues("(FLAGS (foo[1 bar] [x) UID 5)", [])).toEqual([["FLAGS", ["foo[1", "bar]", "[x"], "UID", "5"]]);
  });

  it("puts literals into their places, counted from the first of the response", () => {
    const [one, two] = [Buffer.from("one"), Buffer.from("two")];
    expect(parseValues(`x ${LITERAL} (${LITERAL})`, [one, two], 4)).toEqual([[two]]);
    expect(parseValues(`${LITERAL}${LITERAL}`, [one, two])).toEqual([one, two]);
  });

  it("reads back whatever values are written", () => {
    const atom = fc.stringMatching(/^[A-Za-z0-9$\\+.,-]{1,12}$/).filter((text) => text.toUpperCase() !== "NIL");
    const quoted = fc.string({ maxLength: 12 }).filter((text) => !/[\r\n\0\u0100-\uffff]/.test(text));
    const { value } = fc.letrec<{ value: { text: string; value: ResponseValue } }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        atom.map((text) => ({ text, value: text })),
        fc.constant({ text: "NIL", value: null }),
        quoted.map((text) => ({ text: `"${text.replace(/["\\]/g, "\\$&")}"`, value: text })),
        fc.array(tie("value"), { maxLength: 4 }).map((items) => ({
          text: `(${items.map(({ text }) => text).join(" ")})`,
          value: items.map((item) => item.value),
        })),
      ),
    }));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), (items) => {
        expect(parseValues(items.map(({ text }) => text).join(" "), [])).toEqual(items.map((item) => item.value));
      }),
    );
  });

  it.each(["(", ")", "(a", "a)", '"', '"a', '"a\\', '(a "b)', `${LITERAL}`, "(()", "())"])(
    "says `protocol-error` of %j",
    (text) => {
      expect(code(() => parseValues(text, []))).toBe("protocol-error");
    },
  );

  it("shows of an answer that cannot be read only its beginning, free of control characters (R10, R13)", () => {
    const secret = "x".repeat(60);
    try {
      parseValues(`(a \x1b[31m ${secret}`, []);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain(secret);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
      expect(String(error)).not.toMatch(/[\x00-\x1f]/);
    }
  });

  it("says `response-too-large` of lists 100,000 deep and of 1,000,000 values (R11, R13)", () => {
    expect(code(() => parseValues("(".repeat(100_000), []))).toBe("response-too-large");
    expect(code(() => parseValues("a ".repeat(1_000_000), []))).toBe("response-too-large");
    expect(code(() => parseValues("()".repeat(1_000_000), []))).toBe("response-too-large");
    expect(code(() => parseValues(`${"(".repeat(100)}${")".repeat(100)}`, []))).toBeUndefined();
  });

  it("ends in a value or a MigrationError for any text (R13)", () => {
    const piece = fc.constantFrom("(", ")", '"', "\\", " ", "NIL", "a", "[", "]", "BODY[", LITERAL, "\xff", "\0");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect([undefined, "protocol-error"]).toContain(code(() => parseValues(pieces.join(""), [Buffer.alloc(1)])));
      }),
      { numRuns: 1000 },
    );
  });
});
