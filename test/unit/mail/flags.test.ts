import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSystemFlag, permittedFlags } from "../../../src/mail/flags.js";
import { specialUseOf } from "../../../src/mail/special-use.js";

describe("a folder's PERMANENTFLAGS", () => {
  const split = (flags: string[], permanent?: string[]) =>
    permittedFlags(new Set(flags), permanent && new Set(permanent));

  it("are everything where the folder named none", () => {
    expect(split(["\\Seen", "$Forwarded"])).toEqual({ kept: ["\\Seen", "$Forwarded"], lost: [] });
  });

  it("take the flags they name, in any case and as the message spells them", () => {
    expect(split(["\\SEEN", "Work", "\\Flagged"], ["\\Seen", "work"])).toEqual({
      kept: ["\\SEEN", "Work"],
      lost: ["\\Flagged"],
    });
  });

  it("take every keyword with `\\*`, and no flag that no server knows", () => {
    expect(split(["projekt-x", "\\Answered", "\\Strange"], ["\\*"])).toEqual({
      kept: ["projekt-x", "\\Answered"],
      lost: ["\\Strange"],
    });
  });

  it("lose everything where the folder named an empty list", () => {
    expect(split(["\\Seen", "x"], [])).toEqual({ kept: [], lost: ["\\Seen", "x"] });
  });

  it("leave `\\Recent` to the server: it is neither kept nor lost", () => {
    expect(split(["\\Recent", "\\recent"])).toEqual({ kept: [], lost: [] });
    expect(split(["\\Recent"], ["\\Recent", "\\*"])).toEqual({ kept: [], lost: [] });
  });

  it("put every other flag into exactly one of the two lists", () => {
    const flag = fc.constantFrom("\\Seen", "\\draft", "\\Odd", "$Junk", "work", "WORK", "\\*");
    fc.assert(
      fc.property(fc.uniqueArray(flag), fc.option(fc.array(flag), { nil: undefined }), (flags, permanent) => {
        const { kept, lost } = split(flags, permanent);
        expect([...kept, ...lost].sort()).toEqual([...flags].sort());
      }),
    );
  });
});

describe("a system flag", () => {
  it("is one of five, in any case", () => {
    expect(["\\Seen", "\\ANSWERED", "\\flagged", "\\Deleted", "\\Draft"].every(isSystemFlag)).toBe(true);
    expect(["\\Recent", "Seen", "$Forwarded", "\\*", ""].some(isSystemFlag)).toBe(false);
  });
});

describe("the special use of a listed folder", () => {
  it("is found among other attributes, in any case, and in the RFC's spelling", () => {
    expect(specialUseOf(["\\HasNoChildren", "\\SENT"])).toBe("\\Sent");
    expect(specialUseOf(["\\junk"])).toBe("\\Junk");
  });

  it("is undefined where no attribute is one", () => {
    expect(specialUseOf(["\\Noselect", "\\Marked", "Sent"])).toBeUndefined();
    expect(specialUseOf([])).toBeUndefined();
  });
});
