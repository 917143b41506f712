import type { ErrorScope, MigrationErrorCode } from "../errors.js";
import type { StoredMessage } from "./sample-message.js";

/** What can go wrong with any call. */
export interface CallFault {
  /** The call waits for this before it goes on. */
  readonly hold?: Promise<unknown>;
  /** The call rejects with this code; `connection-lost` and `command-timeout` close the fake as well. */
  readonly throw?: MigrationErrorCode;
  /** The reach of the error, where it is not that of its code. */
  readonly scope?: ErrorScope;
  /** Milliseconds that the error asks to wait. */
  readonly retryAfterMs?: number;
}

/** What can go wrong with a message to be fetched. */
export interface FetchFault extends CallFault {
  /** The message is expunged, and left out. */
  readonly vanish?: true;
  /** The message is left out, though it is listed before and after. */
  readonly unreadable?: true;
  /** Its content ends after so many octets: with `connection-lost`, or with `breakOffCode`. */
  readonly breakOffAfter?: number;
  readonly breakOffCode?: "message-truncated";
  /** Other octets are delivered than were listed. */
  readonly rewrite?: (octets: Uint8Array) => Uint8Array;
}

/** What can go wrong with an append. `hold` and `throw` take effect once the content was read; nothing is stored then. */
export interface AppendFault extends CallFault {
  /** The connection is lost when so many octets were read; nothing is stored. */
  readonly breakOffAfter?: number;
  /** The message is stored, and the connection lost before the answer. */
  readonly storeThenLose?: true;
  /** The connection is lost, and the message stored when this resolves. */
  readonly loseThenStoreOn?: Promise<unknown>;
  /** The append rejects with `message-refused` and these words. */
  readonly refuse?: string;
  /** Other octets are stored than were sent. */
  readonly rewrite?: (octets: Uint8Array) => Uint8Array;
  /** The target says that it holds the message, and stored it so many times: not at all, or twice. */
  readonly storeTimes?: 0 | 2;
  /** The message is stored with other flags or another date, which the target does not tell. */
  readonly alter?: (message: StoredMessage) => StoredMessage;
}

/** What can fail, and how. */
export interface FaultKinds {
  /** Opening the mailbox by {@link openFakeSource} or {@link openFakeTarget}. */
  open: CallFault;
  listFolders: CallFault;
  /** With `uid`: just before the head of this message; without: the call. */
  listMessages: CallFault;
  /** Each message just before it is delivered. */
  fetch: FetchFault;
  ensureFolder: CallFault;
  append: AppendFault;
  find: CallFault;
  updateFlags: CallFault;
  examineFolder: CallFault;
}

/** A point at which a fake can be made to fail. */
export type FaultPoint = keyof FaultKinds;

/** A fault at one point, and when it strikes. */
export interface FaultAt<Point extends FaultPoint> {
  readonly on: Point;
  /** Only in this folder: its raw name, or its levels joined with `/`. */
  readonly folder?: string;
  /** Only for this message, by its UID at the source. */
  readonly uid?: number;
  /** Only the nth time that all of the above holds, counted from 1. */
  readonly nth?: number;
  /** Only every so many times that all of the above holds. */
  readonly every?: number;
  readonly do: FaultKinds[Point];
}

/** One fault of a script. Without `nth` and `every` it strikes every time. */
export type FakeFault = { [Point in FaultPoint]: FaultAt<Point> }[FaultPoint];

/** What a fake is about to do. */
export interface Occasion {
  readonly folder?: { readonly name: string; readonly levels: readonly string[] };
  readonly uid?: number;
}

/**
 * Faults that strike in turn. Given to several fakes, it counts on from one to the next, as a server does that is
 * connected to again.
 */
export class FaultScript {
  readonly #faults: { readonly fault: FakeFault; times: number }[];

  constructor(faults: readonly FakeFault[] = []) {
    this.#faults = faults.map((fault) => ({ fault, times: 0 }));
  }

  static of(faults: readonly FakeFault[] | FaultScript | undefined): FaultScript {
    return faults instanceof FaultScript ? faults : new FaultScript(faults);
  }

  /**
   * What strikes now; where several do, all of it together.
   * @internal
   */
  next<Point extends FaultPoint>(on: Point, occasion: Occasion = {}): Partial<FaultKinds[Point]> {
    const struck: Partial<FaultKinds[Point]> = {};
    for (const counted of this.#faults) {
      const { fault } = counted;
      if (fault.on !== on || !isAbout(fault, occasion)) continue;
      counted.times++;
      if (fault.nth !== undefined && fault.nth !== counted.times) continue;
      if (fault.every !== undefined && counted.times % fault.every !== 0) continue;
      Object.assign(struck, fault.do);
    }
    return struck;
  }
}

function isAbout({ on, folder, uid }: FakeFault, occasion: Occasion): boolean {
  const listed = occasion.folder;
  if (folder !== undefined && folder !== listed?.name && folder !== listed?.levels.join("/")) return false;
  return uid === undefined ? on !== "listMessages" || occasion.uid === undefined : uid === occasion.uid;
}
