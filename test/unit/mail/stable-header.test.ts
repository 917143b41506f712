import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stableHeader } from "../../../src/mail/stable-header.js";

const of = (...lines: string[]) => stableHeader(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`));
const SENT = [
  "From: =?ISO-8859-1?Q?J=F6rg?= <Joerg@Contoso.example>",
  "To: ann@contoso.example, Bob <bob@contoso.example>",
  "Subject: =?UTF-8?B?R3LDvMOfZQ==?= aus Berlin",
  "Date: Sat, 3 Feb 2001 05:05:06 +0100 (CET)",
  "Message-ID: <1@contoso.example>",
];

describe("what stays of a header that is built anew", () => {
  it("is the same whatever the order, folding, case, quoting, encoding and time zone", () => {
    const rebuilt = of(
      "X-MS-Exchange-Organization-AuthAs: Internal",
      "message-id:\r\n\t<1@contoso.example>",
      'To: "Bob" <BOB@contoso.example>,\r\n "ann@contoso.example" <ann@contoso.example>',
      "From: =?utf-8?B?SsO2cmc=?= <joerg@contoso.example>",
      "Subject: =?iso-8859-1?Q?Gr=FC=DFe_?=\r\n =?iso-8859-1?Q?aus_Berlin?=",
      "Date: Sat, 3 Feb 2001 04:05:06 +0000",
    );
    expect(rebuilt).toEqual(of(...SENT));
  });

  it("is the same for raw 8-bit octets and for encoded words", () => {
    const raw = of("From: a@x", "Subject: Grüße");
    const latin1 = stableHeader(Buffer.from("From: a@x\r\nSubject: Gr\xfc\xdfe\r\n\r\n", "latin1"));
    expect(raw).toEqual(of("From: a@x", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="));
    expect(latin1).toEqual(raw);
  });

  it.each([
    ["another sender", 0, "From: eve@contoso.example"],
    ["another recipient", 1, "To: ann@contoso.example"],
    ["another subject", 2, "Subject: no greetings"],
    ["another second", 3, "Date: Sat, 3 Feb 2001 05:05:07 +0100"],
  ])("differs for %s", (_, at, line) => {
    expect(of(...SENT.map((sent, index) => (index === at ? line : sent))).digest).not.toBe(of(...SENT).digest);
  });

  it("has no digest without any of its fields, and takes the beginning of a long subject for all of it", () => {
    expect(of("X-Other: 1")).toEqual({ messageId: "", digest: "" });
    const long = "x".repeat(300);
    expect(of(`Subject: ${long}`)).toEqual(of(`Subject: ${long.slice(0, 255)}`));
    expect(of(`Subject: y${long}`)).not.toEqual(of(`Subject: ${long}`));
  });

  it("comes to an end whatever the octets, and folding changes nothing", () => {
    const words = fc.array(
      fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n:]/g, "")),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(words, (all) => {
        expect(of(`Subject: ${all.join(" ")}`)).toEqual(of(`Subject: ${all.join("\r\n ")}`));
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (octets) => void stableHeader(octets)));
  });
});
