/** One line on the wire. Literals show as their octet count only, credentials as three bullets. */
export interface TranscriptLine {
  /** Counted from 1 in the order in which connections were accepted. */
  readonly connection: number;
  readonly direction: "client" | "server";
  readonly line: string;
}

/** One command that a client sent. */
export interface ReceivedCommand {
  readonly connection: number;
  readonly tag: string;
  /** In upper case, with its `UID` prefix: `UID FETCH`. */
  readonly verb: string;
  /** Everything behind the verb as it was sent, literals as `{n}` or `{n+}`, credentials as three bullets. */
  readonly arguments: string;
  /** The raw name of the folder that the command names or works on; absent where there is none. */
  readonly folder?: string;
  /** Whether it came under TLS. */
  readonly tls: boolean;
  /** The account that was signed in; absent before. */
  readonly user?: string;
  /** The octet counts of the messages of an APPEND that were announced. */
  readonly messageSizes: readonly number[];
}

const HIDDEN = "•••";
const LONGEST_LINE = 2000;
/** A shorter secret would turn up inside words that are none. */
const SHORTEST_SECRET = 4;

/** Records what went over the wire, without credentials. */
export class Transcript {
  readonly lines: TranscriptLine[] = [];
  readonly #secrets = new Set<string>();

  /** From now on this text, its base64 form and its raw octets show as three bullets. */
  hide(secret: string): void {
    if (secret.length < SHORTEST_SECRET) return;
    const octets = Buffer.from(secret, "utf8");
    for (const form of [secret, octets.toString("latin1"), octets.toString("base64")]) this.#secrets.add(form);
  }

  client(connection: number, line: string): void {
    this.lines.push({ connection, direction: "client", line });
  }

  server(connection: number, line: string): void {
    const shown = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}… (${line.length} octets)` : line;
    this.lines.push({ connection, direction: "server", line: this.#scrub(shown) });
  }

  #scrub(line: string): string {
    let scrubbed = line;
    for (const secret of this.#secrets) {
      if (scrubbed.includes(secret)) scrubbed = scrubbed.replaceAll(secret, HIDDEN);
    }
    return scrubbed;
  }
}

const LITERAL_AT_END = /\{\d+\+?\}$/;
const USER_THEN_REST = /^(\s*(?:"(?:\\.|[^"\\])*"|[^\s"{]+) )(.+)$/s;

/** The arguments of a command's first line without credentials. */
export function withoutCredentials(verb: string, text: string): string {
  if (verb === "AUTHENTICATE") return text.replace(/^(\S+) .+$/s, `$1 ${HIDDEN}`);
  if (verb !== "LOGIN") return text;
  const match = USER_THEN_REST.exec(text);
  if (match) return `${match[1]}${LITERAL_AT_END.exec(match[2] ?? "")?.[0] ?? HIDDEN}`;
  return LITERAL_AT_END.test(text) ? text : HIDDEN;
}

/** What follows a literal of the command, without credentials. */
export function withoutCredentialsBehindLiteral(verb: string, text: string): string {
  if (verb !== "LOGIN" || text === "") return text;
  return `${text.startsWith(" ") ? " " : ""}${LITERAL_AT_END.exec(text)?.[0] ?? HIDDEN}`;
}

/** A line of a SASL exchange: only its cancellation is shown. */
export function withoutSasl(line: string): string {
  return line === "*" ? line : HIDDEN;
}
