import { encodeUtf8 } from "./command-syntax.js";
import type { Connection } from "./connection.js";
import { actionWith, type CutKind, type ServerFault } from "./faults.js";
import { encodeRow, type FetchRow } from "./fetch-row.js";
import type { Transcript } from "./transcript.js";

const FLOOD_PIECE = 16 * 1024;

/** What one command is answered with, after its faults had their way with it. */
export class Answer {
  /** True: nothing is sent, whatever is said. */
  readonly isMuted: boolean;
  readonly #connection: Connection;
  readonly #transcript: Transcript;
  readonly #tag: string;
  readonly #faults: readonly ServerFault[];
  readonly #cut: { kind: CutKind; afterOctets: number } | undefined;
  #begun = false;
  #sentOctets = 0;
  #heldRows: FetchRow[] = [];

  constructor(
    connection: Connection,
    transcript: Transcript,
    options: { tag: string; faults: readonly ServerFault[]; muted?: boolean },
  ) {
    this.#connection = connection;
    this.#transcript = transcript;
    this.#tag = options.tag;
    this.#faults = options.faults;
    this.isMuted = options.muted ?? false;
    const cut = actionWith(options.faults, "cut");
    if (typeof cut?.after === "object" && "responseOctets" in cut.after) {
      this.#cut = { kind: cut.cut, afterOctets: cut.after.responseOctets };
    }
  }

  /** An untagged line; `text` stands behind `* `. */
  async untagged(text: string): Promise<void> {
    await this.#begin();
    await this.#line(`* ${text}`);
  }

  async row(row: FetchRow): Promise<void> {
    await this.#begin();
    if (actionWith(this.#faults, "reverseRows")) this.#heldRows.push(row);
    else await this.#row(row);
  }

  /** The line that ends the answer; `text` stands behind the tag. */
  async tagged(text: string): Promise<void> {
    await this.#begin();
    for (const row of this.#heldRows.reverse()) await this.#row(row);
    await this.#line(`${this.#tag} ${text}`);
    if (actionWith(this.#faults, "duplicateAnswer")) await this.#line(`${this.#tag} ${text}`);
    for (const line of actionWith(this.#faults, "insertAfter")?.insertAfter ?? []) await this.#fixedLine(line);
    if (this.#cut && !this.isMuted) await this.#connection.cut(this.#cut.kind);
  }

  /** A continuation request; no fault touches it, since the command is still on its way. */
  async continuation(text: string): Promise<void> {
    this.#transcript.server(this.#connection.id, `+ ${text}`);
    await this.#connection.write(Buffer.from(`+ ${text}\r\n`, "latin1"));
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    for (const line of actionWith(this.#faults, "insertBefore")?.insertBefore ?? []) await this.#fixedLine(line);
    await this.#flood();
  }

  async #flood(): Promise<void> {
    const flood = actionWith(this.#faults, "flood")?.flood;
    if (!flood || this.isMuted) return;
    this.#transcript.server(this.#connection.id, `(flood of ${flood.times})`);
    const { repeat } = flood;
    let piece = flood.before ?? "";
    for (let index = 0; index < flood.times; index++) {
      piece += typeof repeat === "string" ? repeat : repeat(index);
      if (piece.length < FLOOD_PIECE) continue;
      await this.#octets(Buffer.from(piece, "utf8"));
      piece = "";
    }
    await this.#octets(Buffer.from(piece + (flood.after ?? ""), "utf8"));
  }

  async #row(row: FetchRow): Promise<void> {
    for (const { pieces, thenCut } of encodeRow(row, this.#faults)) {
      for (const piece of pieces) {
        if (typeof piece === "string") await this.#line(piece.slice(0, -2));
        else await this.#octets(piece);
      }
      if (thenCut && !this.isMuted) await this.#connection.cut(thenCut);
    }
  }

  async #line(text: string): Promise<void> {
    const line = this.#replaced(text);
    if (line === undefined || this.isMuted) return;
    this.#transcript.server(this.#connection.id, line);
    await this.#octets(Buffer.from(`${line}\r\n`, "latin1"));
  }

  /** A line that a fault gave: no other fault rewrites it, and it is UTF-8. */
  async #fixedLine(text: string): Promise<void> {
    if (this.isMuted) return;
    this.#transcript.server(this.#connection.id, encodeUtf8(text));
    await this.#octets(Buffer.from(`${text}\r\n`, "utf8"));
  }

  #replaced(text: string): string | undefined {
    let line: string | undefined = text;
    for (const { do: action } of this.#faults) {
      if (line !== undefined && "replaceLine" in action) line = action.replaceLine(line);
    }
    return line;
  }

  async #octets(octets: Buffer): Promise<void> {
    if (this.isMuted) return;
    const room = this.#cut ? this.#cut.afterOctets - this.#sentOctets : Number.POSITIVE_INFINITY;
    this.#sentOctets += octets.length;
    const kept = octets.length <= room ? octets : octets.subarray(0, room);
    const drip = actionWith(this.#faults, "drip");
    if (drip) await this.#connection.drip(kept, drip.everyMs ?? 0);
    else await this.#connection.write(kept);
    if (this.#cut && octets.length >= room) await this.#connection.cut(this.#cut.kind);
  }
}
