import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvRow } from "../../src/csv-row.js";
import { MigrationError } from "../../src/errors.js";
import {
  courierUserRoot,
  dovecotLogin,
  exchangeLogin,
  mirapointLogin,
  parseCourierUserRoot,
  parseDovecotLogin,
  parseExchangeLogin,
  parseMirapointLogin,
} from "../../src/login-formats.js";

const reasonFor = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (MigrationError.is(error) && error.code === "login-format") return error.message;
    throw error;
  }
  throw new Error("no error was thrown");
};

/** Names without the characters that separate parts in any of the formats. */
const name = fc
  .string({ unit: "binary", minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/[\r\n\0/#@*%]/g, "x"));

describe("Microsoft's examples", () => {
  it("writes and reads the Exchange login, the administrator before the user", () => {
    const parts = { domain: "contoso-students", admin: "mailadmin", user: "terry.adams" };
    expect(exchangeLogin(parts)).toBe("contoso-students/mailadmin/terry.adams");
    expect(parseExchangeLogin("contoso-students/mailadmin/terry.adams")).toEqual(parts);
  });

  it("writes and reads the Dovecot login, the user before the administrator", () => {
    const parts = { user: "ann.beebe", admin: "mailadmin" };
    expect(dovecotLogin(parts)).toBe("ann.beebe*mailadmin");
    expect(parseDovecotLogin("ann.beebe*mailadmin")).toEqual(parts);
    expect(dovecotLogin({ ...parts, separator: "%" })).toBe("ann.beebe%mailadmin");
    expect(parseDovecotLogin("ann.beebe%mailadmin", { separator: "%" })).toEqual(parts);
  });

  it("writes and reads the Mirapoint login, the user before the administrator", () => {
    const parts = { user: "paul.cannon", domain: "contoso-students.edu", admin: "mailadmin" };
    expect(mirapointLogin(parts)).toBe("#paul.cannon@contoso-students.edu#mailadmin#");
    expect(parseMirapointLogin("#paul.cannon@contoso-students.edu#mailadmin#")).toEqual(parts);
  });

  it("writes and reads the UserRoot of Courier IMAP", () => {
    expect(courierUserRoot({ user: "terry.adams" })).toBe("/users/terry.adams");
    expect(courierUserRoot({ root: "/shared/mail", user: "terry.adams" })).toBe("/shared/mail/terry.adams");
    expect(parseCourierUserRoot("/users/terry.adams")).toEqual({ root: "/users", user: "terry.adams" });
    expect(parseCourierUserRoot("/shared/mail/terry.adams")).toEqual({ root: "/shared/mail", user: "terry.adams" });
  });

  it("reads the rows of Microsoft's user lists", () => {
    const [exchange, dovecot, mirapoint] = CsvRow.parse(`EmailAddress,UserName,Password
terrya@contoso.edu,contoso-students/mailadmin/terry.adams,P@ssw0rd
annb@contoso.edu,ann.beebe*mailadmin,P@ssw0rd
paulc@contoso.edu,#paul.cannon@contoso-students.edu#mailadmin#,P@ssw0rd`);
    expect(parseExchangeLogin(exchange?.userName ?? "").user).toBe("terry.adams");
    expect(parseDovecotLogin(dovecot?.userName ?? "").user).toBe("ann.beebe");
    expect(parseMirapointLogin(mirapoint?.userName ?? "").user).toBe("paul.cannon");
  });
});

describe("parts that a format cannot hold", () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      "a slash in an Exchange domain",
      () => exchangeLogin({ domain: "a/b", admin: "m", user: "u" }),
      /domain holds "\/"/,
    ],
    ["a slash in an Exchange user", () => exchangeLogin({ domain: "d", admin: "m", user: "a/b" }), /user holds "\/"/],
    ["an empty Exchange administrator", () => exchangeLogin({ domain: "d", admin: "", user: "u" }), /admin is empty/],
    ["the separator in a Dovecot user", () => dovecotLogin({ user: "a*b", admin: "m" }), /user holds "\*"/],
    ["the separator in a Dovecot administrator", () => dovecotLogin({ user: "u", admin: "a*b" }), /admin holds "\*"/],
    ["another separator", () => dovecotLogin({ user: "a%b", admin: "m", separator: "%" }), /user holds "%"/],
    ["no separator", () => dovecotLogin({ user: "u", admin: "m", separator: "" }), /separator is not one character/],
    ["a separator of two", () => dovecotLogin({ user: "u", admin: "m", separator: "**" }), /separator is not one/],
    ["a line end as separator", () => dovecotLogin({ user: "u", admin: "m", separator: "\n" }), /separator is not one/],
    ["# in a Mirapoint user", () => mirapointLogin({ user: "a#b", domain: "d", admin: "m" }), /user holds "#"/],
    ["@ in a Mirapoint user", () => mirapointLogin({ user: "a@b", domain: "d", admin: "m" }), /user holds "@"/],
    ["@ in a Mirapoint domain", () => mirapointLogin({ user: "u", domain: "d@e", admin: "m" }), /domain holds "@"/],
    ["# in a Mirapoint administrator", () => mirapointLogin({ user: "u", domain: "d", admin: "#" }), /admin holds "#"/],
    ["a slash in a Courier user", () => courierUserRoot({ user: "a/b" }), /user holds "\/"/],
    ["a Courier root without a slash", () => courierUserRoot({ root: "users", user: "u" }), /begin with a slash/],
    ["a Courier root with a slash at its end", () => courierUserRoot({ root: "/users/", user: "u" }), /root is empty/],
    ["an empty Courier root", () => courierUserRoot({ root: "", user: "u" }), /begin with a slash/],
  ])("refuses %s", (_, act, reason) => {
    expect(reasonFor(act)).toMatch(reason);
  });

  it.each(["\r", "\n", "\0"])("refuses %j in every part of every format", (character) => {
    const bad = `a${character}b`;
    const acts = [
      () => exchangeLogin({ domain: bad, admin: "m", user: "u" }),
      () => exchangeLogin({ domain: "d", admin: bad, user: "u" }),
      () => exchangeLogin({ domain: "d", admin: "m", user: bad }),
      () => dovecotLogin({ user: bad, admin: "m" }),
      () => dovecotLogin({ user: "u", admin: bad }),
      () => mirapointLogin({ user: bad, domain: "d", admin: "m" }),
      () => mirapointLogin({ user: "u", domain: bad, admin: "m" }),
      () => mirapointLogin({ user: "u", domain: "d", admin: bad }),
      () => courierUserRoot({ root: `/${bad}`, user: "u" }),
      () => courierUserRoot({ user: bad }),
      () => parseExchangeLogin(`d/m/${bad}`),
      () => parseDovecotLogin(`${bad}*m`),
      () => parseMirapointLogin(`#u@d#${bad}#`),
      () => parseCourierUserRoot(`/${bad}/u`),
    ];
    for (const act of acts) expect(reasonFor(act)).toContain("a line end or a NUL");
  });
});

describe("texts that are not of a format", () => {
  it.each(["terry.adams", "a/b", "a/b/c/d", "", "contoso\\admin\\user"])("refuses %j as an Exchange login", (text) => {
    expect(reasonFor(() => parseExchangeLogin(text))).toContain("Domain/Admin_UserName/User_UserName");
  });

  it.each(["terry.adams", "a*b*c", ""])("refuses %j as a Dovecot login", (text) => {
    expect(reasonFor(() => parseDovecotLogin(text))).toContain("User_UserName*Admin_UserName");
  });

  it.each(["a@b#c", "#a@b#c", "#a#c#", "#a@b@c#d#", "#a@b#c#d#", "##", ""])(
    "refuses %j as a Mirapoint login",
    (text) => {
      expect(reasonFor(() => parseMirapointLogin(text))).toContain("#user@domain#Admin_UserName#");
    },
  );

  it.each(["terry.adams", "users/terry.adams", "/terry.adams", "/users/", "//terry.adams", ""])(
    "refuses %j as a UserRoot",
    (text) => {
      expect(reasonFor(() => parseCourierUserRoot(text))).not.toBe("");
    },
  );

  it.each([
    [() => parseExchangeLogin("//u"), "domain is empty"],
    [() => parseDovecotLogin("*m"), "user is empty"],
    [() => parseMirapointLogin("#u@d##"), "admin is empty"],
  ])("refuses an empty part", (act, reason) => {
    expect(reasonFor(act)).toContain(reason);
  });
});

describe("round trip of any names", () => {
  it("holds for Exchange", () => {
    fc.assert(
      fc.property(fc.record({ domain: name, admin: name, user: name }), (parts) => {
        expect(parseExchangeLogin(exchangeLogin(parts))).toEqual(parts);
      }),
    );
  });

  it("holds for Dovecot with any separator", () => {
    fc.assert(
      fc.property(fc.record({ user: name, admin: name }), fc.constantFrom("*", "%", "/"), (parts, separator) => {
        expect(parseDovecotLogin(dovecotLogin({ ...parts, separator }), { separator })).toEqual(parts);
      }),
    );
  });

  it("holds for Mirapoint", () => {
    fc.assert(
      fc.property(fc.record({ user: name, domain: name, admin: name }), (parts) => {
        expect(parseMirapointLogin(mirapointLogin(parts))).toEqual(parts);
      }),
    );
  });

  it("holds for Courier with a root of any depth", () => {
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), name, (levels, user) => {
        const parts = { root: `/${levels.join("/")}`, user };
        expect(parseCourierUserRoot(courierUserRoot(parts))).toEqual(parts);
      }),
    );
  });

  it("holds the other way: a text that is read is written the same", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "#", "@", "*", ".") });
    fc.assert(
      fc.property(text, (login) => {
        for (const rewrite of [
          () => exchangeLogin(parseExchangeLogin(login)),
          () => dovecotLogin(parseDovecotLogin(login)),
          () => mirapointLogin(parseMirapointLogin(login)),
          () => courierUserRoot(parseCourierUserRoot(login)),
        ]) {
          try {
            expect(rewrite()).toBe(login);
          } catch (error) {
            if (!MigrationError.is(error) || error.code !== "login-format") throw error;
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
