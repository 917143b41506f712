import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../src/errors.js";
import {
  defaultResponseLimits,
  LITERAL,
  type ResponseLimits,
  ResponseReader,
} from "../../../../src/imap/wire/response-reader.js";

type Event =
  | readonly ["response", string, readonly string[]]
  | readonly ["literal", string, number]
  | readonly ["stream", string];

/** Reads the chunks; `BODY[]` literals are streamed. What a stream brings is one event, however it came. */
function read(chunks: readonly Buffer[], limits?: Partial<ResponseLimits>): Event[] {
  const events: Event[] = [];
  const reader = new ResponseReader(
    {
      response: (text, literals) =>
        events.push(["response", text, literals.map((octets) => octets.toString("latin1"))]),
      literal: (text, size) => {
        events.push(["literal", text, size]);
        if (!text.endsWith("BODY[] ")) return undefined;
        let streamed = "";
        return {
          data: (octets) => {
            expect(octets.length).toBeGreaterThan(0);
            streamed += octets.toString("latin1");
          },
          end: () => events.push(["stream", streamed]),
        };
      },
    },
    { ...defaultResponseLimits, ...limits },
  );
  for (const chunk of chunks) reader.push(chunk);
  return events;
}

const octets = (text: string) => Buffer.from(text, "latin1");

const TRANSCRIPT = octets(
  [
    "* OK [CAPABILITY IMAP4rev1] ready {12}\r\n",
    "* LIST () {1}\r\n/ {5}\r\nGr\xfc\xdfe\r\n",
    "* 1 FETCH (UID 1 FLAGS () BODY[] {11}\r\n)\r\nm1 OK {3}\r\n)\r\n",
    "* 2 FETCH (BODY[] {0}\r\n UID 2)\r\n",
    "* 3 FETCH (BODY[] ~{4}\r\n\0\0\r\n BODY[HEADER] {2+}\r\n\r\n UID 3)\r\n",
    '* 4 FETCH (BODY[] "quoted" X {4}\r\n{9}\r\n',
    ")\r\n",
    "* 5 FETCH (BODY[] NIL)\n",
    "+ go ahead {5}\r\n",
    "m1 NO [ALERT] no {7}\r\n",
    "* BYE\r\n",
    "\r\n",
  ].join(""),
);

const EVENTS: Event[] = [
  ["response", "* OK [CAPABILITY IMAP4rev1] ready {12}", []],
  ["literal", "* LIST () ", 1],
  ["literal", `* LIST () ${LITERAL} `, 5],
  ["response", `* LIST () ${LITERAL} ${LITERAL}`, ["/", "Gr\xfc\xdfe"]],
  ["literal", "* 1 FETCH (UID 1 FLAGS () BODY[] ", 11],
  ["stream", ")\r\nm1 OK {3"],
  ["response", `* 1 FETCH (UID 1 FLAGS () BODY[] ${LITERAL}}`, [""]],
];

describe("ResponseReader", () => {
  it("reads status texts that end like a literal, names as literals, literal8 and lines without CR", () => {
    const events = read([TRANSCRIPT]);
    expect(events.slice(0, 6)).toEqual(EVENTS.slice(0, 6));
    expect(events.filter(([kind]) => kind === "response").map(([, text]) => text)).toEqual([
      "* OK [CAPABILITY IMAP4rev1] ready {12}",
      `* LIST () ${LITERAL} ${LITERAL}`,
      `* 1 FETCH (UID 1 FLAGS () BODY[] ${LITERAL}}`,
      ")",
      `* 2 FETCH (BODY[] ${LITERAL} UID 2)`,
      `* 3 FETCH (BODY[] ${LITERAL} BODY[HEADER] ${LITERAL} UID 3)`,
      `* 4 FETCH (BODY[] "quoted" X ${LITERAL}`,
      ")",
      "* 5 FETCH (BODY[] NIL)",
      "+ go ahead {5}",
      "m1 NO [ALERT] no {7}",
      "* BYE",
      "",
    ]);
    expect(events.filter(([kind]) => kind === "stream")).toEqual([
      ["stream", ")\r\nm1 OK {3"],
      ["stream", ""],
      ["stream", "\0\0\r\n"],
    ]);
  });

  it("reads the same from a transcript cut at every octet (R13)", () => {
    const whole = read([TRANSCRIPT]);
    for (let at = 0; at <= TRANSCRIPT.length; at++) {
      expect(read([TRANSCRIPT.subarray(0, at), TRANSCRIPT.subarray(at)]), `cut at ${at}`).toEqual(whole);
    }
    expect(read([...TRANSCRIPT].map((octet) => Buffer.from([octet])))).toEqual(whole);
  });

  it("reads the same however a transcript is cut (R13)", () => {
    const whole = read([TRANSCRIPT]);
    const cuts = fc.array(fc.integer({ min: 0, max: TRANSCRIPT.length }), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, (places) => {
        const ends = [...places.sort((one, other) => one - other), TRANSCRIPT.length];
        const chunks = ends.map((end, at) => TRANSCRIPT.subarray(ends[at - 1] ?? 0, end));
        expect(read(chunks)).toEqual(whole);
      }),
    );
  });

  it("reads any responses, whatever stands in their literals", () => {
    const atom = fc.stringMatching(/^[A-Za-z0-9]{1,9}$/);
    const literal = fc.uint8Array({ maxLength: 60 }).map((content) => Buffer.from(content));
    const response = fc.tuple(atom, fc.array(literal, { maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(response, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (all, step) => {
        const pieces = all.flatMap(([name, literals]) => [
          octets(`* X${name}`),
          ...literals.flatMap((content) => [octets(` {${content.length}}\r\n`), content]),
          octets("\r\n"),
        ]);
        const transcript = Buffer.concat(pieces);
        const chunks = Array.from({ length: Math.ceil(transcript.length / step) }, (_, at) =>
          transcript.subarray(at * step, (at + 1) * step),
        );
        expect(read(chunks).filter(([kind]) => kind === "response")).toEqual(
          all.map(([name, literals]) => [
            "response",
            `* X${name}${literals.map(() => ` ${LITERAL}`).join("")}`,
            literals.map((content) => content.toString("latin1")),
          ]),
        );
      }),
    );
  });

  it("hands octets of a streamed literal on as they come, and keeps none", () => {
    const arrived: number[] = [];
    let ended = false;
    const reader = new ResponseReader({
      response: () => {},
      literal: () => ({ data: (chunk) => arrived.push(chunk.length), end: () => (ended = true) }),
    });
    reader.push(octets("* 1 FETCH (BODY[] {1000000}\r\n"));
    for (let sent = 0; sent < 999_999; sent += 111_111) {
      reader.push(Buffer.alloc(111_111));
      expect(arrived.reduce((sum, length) => sum + length, 0)).toBe(sent + 111_111);
    }
    expect(ended).toBe(false);
    reader.push(octets("x)\r\n"));
    expect(ended).toBe(true);
  });

  it("copies a collected literal, so that it does not keep the buffer it came in alive", () => {
    const chunk = octets("* LIST () {4}\r\nabcd\r\n");
    let collected: readonly Buffer[] = [];
    const reader = new ResponseReader({
      response: (_text, literals) => {
        collected = literals;
      },
      literal: () => undefined,
    });
    reader.push(chunk);
    chunk.fill(0);
    expect(collected.map(String)).toEqual(["abcd"]);
  });
});

describe("the limits of ResponseReader", () => {
  const breaks = (transcript: string, limits?: Partial<ResponseLimits>) => {
    const failures = [[octets(transcript)], [...octets(transcript)].map((octet) => Buffer.from([octet]))].map(
      (chunks) => {
        try {
          read(chunks, limits);
          return undefined;
        } catch (error) {
          return MigrationError.is(error) ? error.code : error;
        }
      },
    );
    expect(failures[0]).toBe(failures[1]);
    return failures[0];
  };

  it("end a line that is too long, in one piece or in many (R11, R13)", () => {
    const limits = { text: 100 };
    expect(breaks(`* ${"x".repeat(98)}\r\n`.replace("\r", ""), limits)).toBeUndefined();
    expect(breaks(`* ${"x".repeat(200)}`, limits)).toBe("response-too-large");
    expect(breaks(`* ${"x {0}\r\n".repeat(60)}\r\n`, limits)).toBe("response-too-large");
  });

  it("end a literal of 4 GB or 30 digits before an octet of it is held (R11, R13)", () => {
    expect(breaks("* 1 FETCH (BODY[] {4294967295}\r\n")).toBeUndefined();
    expect(breaks("* 1 FETCH (BODY[] {4294967296}\r\n")).toBe("response-too-large");
    expect(breaks(`* 1 FETCH (BODY[] {${"9".repeat(30)}}\r\n`)).toBe("response-too-large");
  });

  it("end collected literals that are too large by themselves or together, but not streamed ones (R11)", () => {
    const limits = { collected: 10 };
    expect(breaks("* LIST {10}\r\n0123456789\r\n* LIST {10}\r\n0123456789\r\n", limits)).toBeUndefined();
    expect(breaks("* LIST {11}\r\n", limits)).toBe("response-too-large");
    expect(breaks("* LIST {6}\r\n012345 {5}\r\n", limits)).toBe("response-too-large");
    expect(breaks("* 1 FETCH (BODY[] {20}\r\n", limits)).toBeUndefined();
  });

  it("never let a random transcript end in anything but a MigrationError (R13)", () => {
    const pieces = [
      "* ",
      "m1 ",
      "OK",
      "FETCH (",
      "BODY[] ",
      "{3}",
      "{0}",
      "{3+}",
      "~{2}",
      "}",
      "\r\n",
      "\n",
      "\r",
      '"',
      "\\",
      "\0",
      "\xff",
    ];
    const transcript = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 5 })), { maxLength: 60 });
    fc.assert(
      fc.property(transcript, (parts) => {
        breaks(parts.join(""));
      }),
      { numRuns: 500 },
    );
  });
});
