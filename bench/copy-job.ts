import { readFileSync } from "node:fs";

/** What a runner has to copy; it finds it as JSON in the file that its first argument names. */
export interface CopyJob {
  readonly host: string;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly tls: boolean;
  /** The file with the certificate of the authority to trust, PEM. */
  readonly ca: string;
  readonly password: string;
  readonly mailboxes: readonly Mailbox[];
  /** Connections to one mailbox of the target; absent: the tool's own number. */
  readonly connections?: number;
  /** A folder that is kept from the first pass to the second. */
  readonly state: string;
}

/** The user names at both ends. */
export interface Mailbox {
  readonly source: string;
  readonly target: string;
}

/** Undefined when the program was started without a job, to see how long it takes to load. */
export function readCopyJob(): CopyJob | undefined {
  const file = process.argv[2];
  // The runner that starts us has written it.
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, "utf8")) as CopyJob);
}

/** The only mailbox of a job for a tool that copies one at a time. */
export function onlyMailbox(job: CopyJob): Mailbox {
  const [mailbox, ...more] = job.mailboxes;
  if (!mailbox || more.length > 0) throw new Error("This tool copies one mailbox at a time");
  return mailbox;
}
