import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graphLosses } from "../../../src/graph/losses.js";
import { type GraphMail, mimeToGraph } from "../../../src/graph/mime-to-graph.js";

function read(text: string | Buffer, options: { attachOriginals?: boolean; maxBodyOctets?: number } = {}): GraphMail {
  const octets = typeof text === "string" ? Buffer.from(text.replace(/\n/g, "\r\n"), "latin1") : Buffer.from(text);
  return mimeToGraph(octets, { maxBodyOctets: 3_000_000, ...options });
}

const summary = ({ body, attachments, lost }: GraphMail) => ({
  body: `${body.contentType} ${body.content}`.trim(),
  attachments: attachments.map(({ name, contentType, isInline, octets }) =>
    [name, contentType, isInline ? "inline" : "", String(octets)].filter((part) => part).join(" | "),
  ),
  lost: [...lost],
});

const part = (fields: string, body: string) => `--b\n${fields}\n\n${body}\n`;
const multipart = (subtype: string, ...parts: string[]) =>
  `Content-Type: multipart/${subtype}; boundary=b\n\n${parts.join("")}--b--\n`;
const html = part("Content-Type: text/html", "<b>Hi</b>");
const plain = part("Content-Type: text/plain", "Hi");

describe("The parts of a message", () => {
  it.each([
    ["text alone", "Subject: x\n\nHi\n", { body: "text Hi", attachments: [], lost: [] }],
    [
      "HTML before text, wherever it stands",
      multipart("alternative", html, plain),
      { body: "html <b>Hi</b>", attachments: [], lost: ["mime-structure", "alternative-body"] },
    ],
    [
      "an invitation beside a text",
      multipart("alternative", plain, part("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR")),
      { body: "text Hi", attachments: ["attachment.ics | text/calendar | BEGIN:VCALENDAR"], lost: ["mime-structure"] },
    ],
    [
      "pictures within HTML",
      multipart(
        "related",
        part("Content-Type: text/html", '<img src="cid:1@x">'),
        part("Content-Type: image/png\nContent-ID: <1@x>", "png"),
      ),
      {
        body: 'html <img src="cid:1@x">',
        attachments: ["attachment.png | image/png | inline | png"],
        lost: ["mime-structure"],
      },
    ],
    [
      "a picture that HTML points to from outside of a related",
      multipart(
        "mixed",
        part("Content-Type: text/html", '<img src="cid:1@x">'),
        part("Content-Type: image/gif\nContent-ID: <1@x>", "gif"),
        part("Content-Type: image/gif\nContent-ID: <2@x>", "no"),
      ),
      {
        body: 'html <img src="cid:1@x">',
        attachments: ["attachment.gif | image/gif | inline | gif", "attachment.gif | image/gif | no"],
        lost: ["mime-structure"],
      },
    ],
    [
      "a second text as a file",
      multipart("mixed", plain, part("Content-Disposition: inline", "footer")),
      { body: "text Hi", attachments: ["attachment.txt | text/plain | footer"], lost: ["mime-structure"] },
    ],
    [
      "a text that is called an attachment, and no body",
      multipart("mixed", part('Content-Disposition: attachment; filename="a/b:c.txt"', "file")),
      { body: "text", attachments: ["a b c.txt | text/plain | file"], lost: ["mime-structure"] },
    ],
    [
      "a message within a message as .eml",
      multipart("mixed", plain, part("Content-Type: message/rfc822", "Subject: Inner\n\nInner text")),
      {
        body: "text Hi",
        attachments: ["Inner.eml | message/rfc822 | Subject: Inner\r\n\r\nInner text"],
        lost: ["mime-structure"],
      },
    ],
    [
      "a digest, whose parts are messages without saying so",
      multipart("digest", "--b\n\nSubject: One\n\n1\n", "--b\n\nSubject: Two\n\n2\n"),
      {
        body: "text",
        attachments: [
          "One.eml | message/rfc822 | Subject: One\r\n\r\n1",
          "Two.eml | message/rfc822 | Subject: Two\r\n\r\n2",
        ],
        lost: ["mime-structure"],
      },
    ],
    [
      "a boundary within quotes, with blanks behind it and a text before it",
      'Content-Type: multipart/mixed;\n boundary="a b"\n\nThis is MIME.\n--a b  \n\nHi\n--a b--\nover\n',
      { body: "text Hi", attachments: [], lost: ["mime-structure"] },
    ],
    [
      "what is never closed",
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi",
      { body: "text Hi", attachments: [], lost: ["broken-mime", "mime-structure"] },
    ],
    [
      "what only looks like a boundary",
      multipart("mixed", part("X: y", "--bc\n--b --x\n--b- -")),
      { body: "text --bc\r\n--b --x\r\n--b- -", attachments: [], lost: ["mime-structure"] },
    ],
    [
      "an encoding that nobody knows",
      "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 a",
      { body: "text begin 644 a", attachments: [], lost: ["broken-mime"] },
    ],
  ])("%s", (_, text, expected) => {
    const mail = read(text);
    expect({ ...summary(mail), body: summary(mail).body.trimEnd() }).toEqual(expected);
  });

  it("keep what lies deeper than anybody nests as one piece", () => {
    const depth = 60;
    const open = Array.from(
      { length: depth },
      (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
    );
    const { body, attachments, lost } = read(`${open.join("")}\nthe innermost\n`);
    expect([body.content, ...attachments.map(({ octets }) => String(octets))].join()).toContain("the innermost");
    expect(lost.has("broken-mime")).toBe(true);
  });

  it("are named by RFC 2231 and by encoded words, and by what they are where nothing names them", () => {
    const disposition = (value: string) => part(`Content-Type: application/pdf\nContent-Disposition: ${value}`, "x");
    const { attachments } = read(
      multipart(
        "mixed",
        disposition("attachment; filename*=utf-8''R%C3%A9sum%C3%A9%20%E2%82%AC.pdf"),
        disposition("attachment; filename*0*=iso-8859-1'de'Gr%FC; filename*1=\"ße \"; filename*2=1.pdf"),
        disposition('attachment; filename="=?utf-8?B?UsOpc3Vtw6kucGRm?="'),
        disposition("attachment"),
      ),
    );
    expect(attachments.map(({ name }) => name).slice(0, 1)).toEqual(["Résumé €.pdf"]);
    expect(attachments.map(({ name }) => name).slice(2)).toEqual(["Résumé.pdf", "attachment.pdf"]);
    expect(attachments[1]?.name).toMatch(/^Grü.*1\.pdf$/);
  });
});

describe("Text", () => {
  const body = (fields: string, octets: Buffer) => read(Buffer.concat([Buffer.from(`${fields}\r\n\r\n`), octets]));

  it.each([
    ["text/plain; charset=utf-8", "8bit", Buffer.from("grün 日本"), "grün 日本", []],
    ["text/plain; charset=iso-8859-15", "8bit", Buffer.from([0xa4]), "€", []],
    ["text/plain; charset=windows-1252", "8bit", Buffer.from([0x80, 0x9c]), "€œ", []],
    ["text/plain; charset=shift_jis", "8bit", Buffer.from([0x83, 0x65, 0x83, 0x58]), "テス", []],
    ["text/plain; charset=iso-2022-jp", "7bit", Buffer.from("\u001b$B%F%9\u001b(B", "latin1"), "テス", []],
    ["text/plain; charset=koi8-r", "8bit", Buffer.from([0xf0, 0xd2]), "Пр", []],
    ["text/plain; charset=utf-8", "quoted-printable", Buffer.from("gr=C3=BCn=\r\n er \t\r\n=3D"), "grün er\r\n=", []],
    ["text/plain; charset=utf-8", "base64", Buffer.from("Z3LDvG4=\r\n"), "grün", []],
    ["text/plain", "8bit", Buffer.from("grün"), "grün", []],
    ["text/plain", "8bit", Buffer.from("gr\xfcn", "latin1"), "grün", ["charset"]],
    ["text/plain; charset=klingon", "8bit", Buffer.from("grün"), "grün", ["charset"]],
    ["text/plain; charset=utf-8", "8bit", Buffer.from([0x61, 0xff]), "a\ufffd", ["charset"]],
    ["text/plain; charset=utf-8", "8bit", Buffer.from("a\ufffd"), "a\ufffd", []],
    ["text/plain; charset=utf-8", "quoted-printable", Buffer.from("100=% sure"), "100=% sure", ["broken-mime"]],
    ["text/plain", "7bit", Buffer.from("a\0b\u0007"), "a b ", ["characters"]],
  ])("in %s, %s", (type, encoding, octets, text, lost) => {
    const mail = body(`Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}`, octets);
    expect([mail.body.content, [...mail.lost]]).toEqual([text, lost]);
  });

  it("of a subject is put together from encoded words, characters split between them too", () => {
    const subject = (value: string) => read(`Subject: ${value}\n\n`).subject;
    expect(subject("=?utf-8?B?5pel?= =?utf-8?B?5pys?=")).toBe("日本");
    expect(subject("=?utf-8?B?5pc=?=\n =?utf-8?B?pQ==?=")).toBe("日");
    expect(subject("=?iso-8859-1*de?Q?Gr=FC=DFe_an?= alle")).toBe("Grüße an alle");
    expect(subject("=?utf-8?X?no?= =?=")).toBe("=?utf-8?X?no?= =?=");
    expect(subject("gr\xfcn")).toBe("grün");
  });

  it("of a subject over 255 characters is cut, and of a header block over 32 KB too, at a field", () => {
    const long = read(`Subject: ${"ä".repeat(300)}\nX-Long: ${"a".repeat(40_000)}\nX-Last: b\n\nHi`);
    expect([long.subject.length, [...long.lost].sort()]).toEqual([255, ["charset", "header-block", "subject"]]);
    expect(long.headers).toMatch(/^Subject: ä+\r\n$/);
  });
});

describe("Addresses", () => {
  const to = (value: string) => {
    const mail = read(`To: ${value}\n\n`);
    return { to: mail.to.map(({ name, address }) => `${name}|${address}`), lost: [...mail.lost] };
  };

  it.each([
    ["a@b.c", ["|a@b.c"], []],
    ['"Adams, Terry" <terry@contoso.com>, ann@contoso.com', ["Adams, Terry|terry@contoso.com", "|ann@contoso.com"], []],
    ["terry@contoso.com (Terry (the first) Adams)", ["Terry (the first) Adams|terry@contoso.com"], []],
    ["Team: a@b.c, B <b@b.c>;, d@b.c", ["|a@b.c", "B|b@b.c", "|d@b.c"], []],
    ["undisclosed-recipients:;", [], []],
    ["=?utf-8?Q?J=C3=B6rg?= <j@b.c>", ["Jörg|j@b.c"], []],
    ['"J\\"D" <j@b.c>', ['J"D|j@b.c'], []],
    ["<@relay.c:a@b.c>", ["|a@b.c"], []],
    ['"a b"@c.d', ['|"a b"@c.d'], []],
    ["a @ b . c", ["|a@b.c"], []],
    ["nobody", [], ["recipient"]],
    ["a@b.c, <>, x y", ["|a@b.c"], ["recipient"]],
  ])("%s", (value, expected, lost) => {
    expect(to(value)).toEqual({ to: expected, lost });
  });
});

describe("Dates", () => {
  const sentAt = (value: string) => read(`Date: ${value}\n\n`).sentAt?.toISOString();

  it.each([
    ["Wed, 15 May 2019 13:59:58 +0200", "2019-05-15T11:59:58.000Z"],
    ["15 May 2019 13:59 GMT (British)", "2019-05-15T13:59:00.000Z"],
    ["Wed, 15 May 19 04:00:00 PDT", "2019-05-15T11:00:00.000Z"],
    ["Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00.000Z"],
    ["1 Jan 99 00:00:00 -0000", "1999-01-01T00:00:00.000Z"],
    ["Mon, 32 Jan 2001 25:61:61 +9999", undefined],
    ["31 Feb 2001 00:00:00 +0000", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ])("%s", (value, expected) => {
    expect(sentAt(value)).toBe(expected);
  });
});

describe("Whatever octets come", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "--b",
      "--b--",
      "",
      " ",
      "--c",
      "--c--",
      "=?utf-8?B?",
      "Subject: =?x?q?=",
      "To: a@b, (",
      "AAAA====",
      "=\xff=",
    ),
    fc.constantFrom(
      ...["Content-Type: multipart/mixed; boundary=b", "Content-Type: multipart/alternative; boundary=c"],
      ...[
        "Content-Type: text/html; charset=utf-16",
        "Content-Type: message/rfc822",
        "Content-Type: text/plain; name*0*=x''%",
      ],
      ...["Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable", "Content-ID: <x>"],
      ...["Content-Type: multipart/signed; boundary=b", 'Content-Disposition: attachment; filename="\\'],
    ),
    fc.string({ unit: "binary-ascii", maxLength: 60 }),
  );

  it("nothing is thrown, every loss has its name, and what is made is JSON that Graph could read", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), fc.boolean(), (lines, attachOriginals) => {
        const mail = mimeToGraph(Buffer.from(lines.join("\r\n"), "latin1"), { attachOriginals, maxBodyOctets: 500 });
        const known: ReadonlySet<string> = new Set(graphLosses);
        expect([...mail.lost].filter((loss) => !known.has(loss))).toEqual([]);
        expect(mail.attachments.every(({ name }) => name !== "")).toBe(true);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
        expect(`${mail.subject}${mail.body.content}${mail.headers}`).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f]/);
        expect(mail.subject.length).toBeLessThanOrEqual(255);
      }),
      { numRuns: 400 },
    );
  });

  it("files of any octets come out of base64 and of quoted-printable as they went in", () => {
    const quoted = (file: Buffer) =>
      [...file]
        .map((octet) => `=${octet.toString(16).padStart(2, "0")}`)
        .join("")
        .replace(/.{72}/g, "$&=\r\n");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (octets, isBase64) => {
        const file = Buffer.from(octets);
        const encoded = isBase64 ? file.toString("base64").replace(/.{76}/g, "$&\r\n") : quoted(file);
        const encoding = isBase64 ? "base64" : "quoted-printable";
        const fields = `Content-Type: image/x\r\nContent-Transfer-Encoding: ${encoding}`;
        const mail = read(
          Buffer.from(
            `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${fields}\r\n\r\n${encoded}\r\n--b--\r\n`,
          ),
        );
        expect(mail.attachments[0]?.octets.equals(file)).toBe(true);
        expect(mail.lost.has("broken-mime")).toBe(false);
      }),
    );
  });
});
