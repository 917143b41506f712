// The least that a client in Node can do: FETCH of everything in one burst, each chunk passed on as it comes into
// APPENDs that wait for nothing. No recovery, no ledger, no digests, no look at what the target refuses to keep.
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type CopyJob, onlyMailbox, readCopyJob } from "./copy-job.js";

/** Bounds of one MULTIAPPEND. */
const GROUP_MESSAGES = 50;
const GROUP_OCTETS = 8_000_000;

interface Folder {
  /** Raw names. */
  readonly source: string;
  readonly target: string;
  readonly messages: number;
}

async function copy(job: CopyJob): Promise<void> {
  const mailbox = onlyMailbox(job);
  const [source, target] = await Promise.all([
    signIn(job, job.sourcePort, mailbox.source),
    signIn(job, job.targetPort, mailbox.target),
  ]);
  const [status, capability] = await Promise.all([
    ask(source, 'LIST "" * RETURN (STATUS (MESSAGES))'),
    ask(target, "CAPABILITY"),
  ]);
  const folders = [...status.matchAll(/^\* STATUS (.+) \(MESSAGES (\d+)\)/gm)].map(
    ([, name = "", messages]): Folder => ({
      source: name,
      target: name.replaceAll(".", "/"),
      messages: Number(messages),
    }),
  );
  target.write(folders.map((folder) => `c CREATE ${folder.target}\r\n`).join(""), "latin1");
  await ask(target, "NOOP"); // answered when they are
  await pump(source, target, folders, capability.includes("MULTIAPPEND"));
  source.destroy();
  target.destroy();
}

/** Passes all folders from one connection to the other. */
function pump(source: Socket, target: Socket, folders: readonly Folder[], isMulti: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const lane = new Lane(target, isMulti);
    let fetched = 0;
    const endIfDone = () => {
      if (fetched === folders.length && lane.answered === lane.sent) resolve();
    };
    onLines(target, (line) => {
      if (line.startsWith("a NO") || line.startsWith("a BAD")) reject(new Error(line));
      if (line.startsWith("a ")) lane.answered += 1;
      endIfDone();
    });
    target.on("drain", () => source.resume());
    const onLine = (line: string): number => {
      const tagged = /^([ef])(\d+) (\w+)/.exec(line);
      if (tagged && tagged[3] !== "OK") reject(new Error(line));
      if (tagged?.[1] === "e") lane.select(folders[Number(tagged[2])]?.target ?? "");
      if (tagged?.[1] === "f") {
        lane.endCommand();
        fetched += 1;
        endIfDone();
      }
      return tagged ? 0 : lane.begin(line);
    };
    readRows(source, onLine, (octets, isLast) => {
      if (!lane.write(octets, isLast)) source.pause();
    });
    for (const socket of [source, target]) {
      socket.on("close", () => reject(new Error("A connection was closed"))).resume();
    }
    // An empty folder needs an answer too; FETCH 1:* would be refused.
    const fetch = ({ messages }: Folder) => (messages > 0 ? "FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])" : "NOOP");
    const commands = folders.map((folder, at) => `e${at} EXAMINE ${folder.source}\r\nf${at} ${fetch(folder)}\r\n`);
    source.write(commands.join(""), "latin1");
  });
}

/** APPEND or MULTIAPPEND commands, one after the other. */
class Lane {
  sent = 0;
  answered = 0;
  readonly #target: Socket;
  readonly #groupMessages: number;
  #folder = "";
  #messages = 0;
  #octets = 0;

  constructor(target: Socket, isMulti: boolean) {
    this.#target = target;
    this.#groupMessages = isMulti ? GROUP_MESSAGES : 1;
  }

  /** Servers append faster to the folder that is open. */
  select(folder: string): void {
    this.#folder = folder;
    this.#target.write(`s SELECT ${folder}\r\n`, "latin1");
  }

  /** Starts the message of this FETCH row; returns how many octets of it follow. */
  begin(line: string): number {
    const row = /^\* \d+ FETCH \(.*FLAGS \(([^)]*)\).*INTERNALDATE ("[^"]+").*\{(\d+)\}$/.exec(line);
    if (!row) return 0;
    const [, flags = "", date, octets] = row;
    if (this.#messages === 0) {
      this.#target.write(`a APPEND ${this.#folder}`, "latin1");
      this.sent += 1;
    }
    const kept = flags.split(" ").filter((flag) => flag !== "\\Recent");
    this.#target.write(` (${kept.join(" ")}) ${date} {${octets}+}\r\n`, "latin1");
    this.#messages += 1;
    this.#octets += Number(octets);
    return Number(octets);
  }

  /** False when the target takes no more for now. */
  write(octets: Buffer, isLast: boolean): boolean {
    const isTaken = this.#target.write(octets);
    if (isLast && (this.#messages >= this.#groupMessages || this.#octets > GROUP_OCTETS)) this.endCommand();
    return isTaken;
  }

  endCommand(): void {
    if (this.#messages > 0) this.#target.write("\r\n");
    this.#messages = 0;
    this.#octets = 0;
  }
}

/** Tells each line; `onLine` returns how many octets of a literal come behind it. */
function readRows(
  socket: Socket,
  onLine: (line: string) => number,
  onLiteral: (octets: Buffer, isLast: boolean) => void,
): void {
  let line = "";
  let literal = 0;
  socket.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      if (literal > 0) {
        const octets = chunk.subarray(at, at + literal);
        literal -= octets.length;
        at += octets.length;
        onLiteral(octets, literal === 0);
        continue;
      }
      const end = chunk.indexOf("\n", at);
      line += chunk.toString("latin1", at, end < 0 ? chunk.length : end);
      at = end < 0 ? chunk.length : end + 1;
      if (end < 0) continue;
      literal = onLine(line.trimEnd());
      line = "";
    }
  });
}

function onLines(socket: Socket, onLine: (line: string) => void): void {
  readRows(
    socket,
    (line) => {
      onLine(line);
      return 0;
    },
    () => {},
  );
}

async function signIn(job: CopyJob, port: number, user: string): Promise<Socket> {
  const { host } = job;
  const socket = job.tls ? connectTls({ host, port, ca: readFileSync(job.ca) }) : connect({ host, port });
  socket.setNoDelay(true);
  await ask(socket, `LOGIN ${user} ${job.password}`);
  return socket;
}

/** Sends a command and resolves with everything up to its OK. */
function ask(socket: Socket, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const onData = (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      const end = /(?:^|\n)z (OK|NO|BAD)[^\n]*\n/.exec(answer);
      if (!end) return;
      socket.off("data", onData).off("error", reject).pause();
      if (end[1] === "OK") resolve(answer.replaceAll("\r", ""));
      else reject(new Error(answer));
    };
    socket.on("data", onData).on("error", reject).resume();
    socket.write(`z ${command}\r\n`, "latin1");
  });
}

const job = readCopyJob();
if (job) void copy(job);
