/** Which commands a fault meets. Every member that is given must hold; an empty condition meets every command. */
export interface FaultCondition {
  /** The verb in upper case, with its `UID` prefix: `APPEND`, `UID FETCH`, `LOGIN`. `greeting` is the server's first line. */
  verb?: string;
  /** The raw name of the folder that the command names or, for FETCH, STORE and SEARCH, that is selected. */
  folder?: string;
  /** The command's sequence set covers this message. Faults in rows then touch this message's row alone. */
  uid?: number;
  /** The number of the connection, counted from 1 in the order in which they were accepted. */
  connection?: number;
  /** Only this one of the commands that meet the condition otherwise, counted from 1. */
  nth?: number;
  /** Every so many of them: 3 means the third, the sixth ... */
  every?: number;
}

/** FIN after what was sent before, or RST. */
export type CutKind = "fin" | "rst";

/** A tagged reply in place of the effect: `NO [OVERQUOTA] full`, `BAD no`, or an `OK` that is a lie. */
export interface AnswerFault {
  answer: string;
  /**
   * True: said as soon as the literal of an APPEND is announced, in place of the continuation request; a
   * non-synchronizing literal is read and thrown away first. Default false: said after the whole command.
   */
  beforeLiteral?: boolean;
  /** `* BYE` with this text follows, and the connection is closed. */
  thenBye?: string;
}

/** `* BYE` with this text, then the connection is closed. */
export interface ByeFault {
  bye: string;
}

/** The connection is lost. */
export interface CutFault {
  cut: CutKind;
  /**
   * When: after the effect and before the answer (the lost acknowledgement; the default), before the effect, after so
   * many octets of the answer (or at its end), or after so many octets of the command's literals; 0 cuts before the
   * continuation request.
   */
  after?: "effect" | "before-effect" | { responseOctets: number } | { literalOctets: number };
  /** The effect takes place only when this resolves, after the connection was cut: the server that commits late. */
  commitAfterCut?: Promise<unknown>;
}

/** The command is never answered; later ones are. */
export interface DropAnswerFault {
  dropAnswer: true;
  /** Whether the command takes effect all the same. */
  effect: boolean;
}

/** The tagged answer comes twice. */
export interface DuplicateAnswerFault {
  duplicateAnswer: true;
}

/** The answer, and that of every later command on the connection, is held back. */
export interface DelayFault {
  /** Until this promise resolves, or until the test calls `server.release()`. */
  delayUntil: Promise<unknown> | "release";
  /** True: the effect is held back as well. Default false: it takes place at once. */
  holdEffect?: boolean;
}

/**
 * Rewrites or, with undefined, leaves out lines of the answer, tagged ones too. Lines come without their CRLF and with one
 * character per octet. A row with a literal is a line up to `{n}` and another one behind the literal.
 */
export interface ReplaceLineFault {
  replaceLine: (line: string) => string | undefined;
}

/** Whole lines in front of the answer, `* ` included. */
export interface InsertBeforeFault {
  insertBefore: readonly string[];
}

/** Whole lines behind the tagged answer, in the same segment; behind the OK of STARTTLS still in plain text. */
export interface InsertAfterFault {
  insertAfter: readonly string[];
}

/** The FETCH row is left out. */
export interface OmitRowFault {
  omitRow: true;
}

/** The FETCH row comes twice. */
export interface RepeatRowFault {
  repeatRow: true;
}

/** These octets and a CRLF come in place of the FETCH row. */
export interface RawRowFault {
  rawRow: string | Uint8Array;
}

/** The FETCH rows come in descending order. Holds the whole answer in memory. */
export interface ReverseRowsFault {
  reverseRows: true;
}

/** Another content under `BODY[]`: null is `NIL`, an empty string is `""`, octets are sent as literal. */
export interface BodyFault {
  body: Uint8Array | "" | null;
}

/** `BODY[]` announces this many octets and sends those that it has. Digits allow what no number can hold. */
export interface LiteralSizeFault {
  literalSize: number | string;
  /** Cuts the connection behind the last octet sent. Default: the answer goes on as if nothing were wrong. */
  thenCut?: CutKind;
}

/** RFC822.SIZE claims this. */
export interface ClaimedSizeFault {
  claimedSize: number | string;
}

/** Octets without sense, made while they are sent and no faster than the client takes them, in front of the answer. */
export interface FloodFault {
  flood: {
    /** Sent once, first. */
    before?: string;
    /** Sent again and again; a function gets the count from 0. */
    repeat: string | ((index: number) => string);
    /** How often. `Infinity` ends with the connection. */
    times: number;
    /** Sent once, last. */
    after?: string;
  };
}

/** The answer comes one octet per segment. */
export interface DripFault {
  drip: true;
  /** Milliseconds between two octets. Default 0: as fast as the socket takes them. */
  everyMs?: number;
}

/** For the greeting only: `* PREAUTH`, signed in as this user. */
export interface PreauthFault {
  preauth: string;
}

/** What goes wrong: one of these, told apart by its first member. */
export type FaultAction =
  | AnswerFault
  | ByeFault
  | CutFault
  | DropAnswerFault
  | DuplicateAnswerFault
  | DelayFault
  | ReplaceLineFault
  | InsertBeforeFault
  | InsertAfterFault
  | OmitRowFault
  | RepeatRowFault
  | RawRowFault
  | ReverseRowsFault
  | BodyFault
  | LiteralSizeFault
  | ClaimedSizeFault
  | FloodFault
  | DripFault
  | PreauthFault;

/** One thing that a scripted server does wrong, and when. All faults that meet a command apply together. */
export interface ServerFault {
  when: FaultCondition;
  do: FaultAction;
}

/** What the conditions are compared with. */
export interface FaultSubject {
  readonly connection: number;
  readonly verb: string;
  readonly folder: string | undefined;
  readonly covers: (uid: number) => boolean;
}

/** The faults of one server with the count of the commands that each has met. */
export class FaultBook {
  #faults: { fault: ServerFault; met: number }[] = [];

  add(fault: ServerFault): void {
    this.#faults.push({ fault, met: 0 });
  }

  clear(): void {
    this.#faults = [];
  }

  /** The faults that meet this command. Counts it, so ask once for each. */
  match(subject: FaultSubject): ServerFault[] {
    const matching: ServerFault[] = [];
    for (const entry of this.#faults) {
      const { when } = entry.fault;
      if (!meets(when, subject)) continue;
      entry.met += 1;
      if (when.nth !== undefined && when.nth !== entry.met) continue;
      if (when.every !== undefined && entry.met % when.every !== 0) continue;
      matching.push(entry.fault);
    }
    return matching;
  }
}

function meets(when: FaultCondition, subject: FaultSubject): boolean {
  if (when.connection !== undefined && when.connection !== subject.connection) return false;
  if (when.verb !== undefined && when.verb.toUpperCase() !== subject.verb.toUpperCase()) return false;
  if (when.verb === undefined && subject.verb === "greeting") return false; // an empty condition is about commands
  if (when.folder !== undefined && when.folder !== subject.folder) return false;
  return when.uid === undefined || subject.covers(when.uid);
}

type KeyOfUnion<Union> = Union extends unknown ? keyof Union : never;

/** The first fault with this member. */
export function actionWith<Key extends KeyOfUnion<FaultAction>>(
  faults: readonly ServerFault[],
  key: Key,
): Extract<FaultAction, { [K in Key]: unknown }> | undefined {
  const found = faults.find((fault) => key in fault.do);
  return found?.do as Extract<FaultAction, { [K in Key]: unknown }> | undefined; // `in` narrows no generic key
}
