import { rmSync } from "node:fs";
import { type Contestant, contestantName } from "./comparison.js";
import type { CopyJob } from "./copy-job.js";
import type { MailServers } from "./mail-servers.js";
import type { MailSetName } from "./mail-sets.js";
import { readMaildir } from "./maildir.js";
import { type Measurement, measure } from "./measure.js";
import type { Programs } from "./programs.js";
import { tools } from "./tools.js";
import { differences } from "./verify-copy.js";

/** One run may take that long. */
const LIMIT_SECONDS = 1_200;

/** One contestant's copy of a set: made by the first run, looked after by every further one. */
export class Attempt {
  constructor(
    readonly contestant: Contestant,
    readonly job: CopyJob,
    readonly set: MailSetName,
    readonly servers: MailServers,
    readonly programs: Programs,
    readonly signal: AbortSignal,
  ) {}

  async run(): Promise<Measurement> {
    const command = tools[this.contestant.tool].command(this.job, this.programs);
    try {
      const measurement = await measure(command, this.job.state, LIMIT_SECONDS, this.signal);
      await this.#verify();
      return measurement;
    } catch (cause) {
      if (this.signal.aborted || !(cause instanceof Error)) throw cause;
      throw new Error(`${contestantName(this.contestant)} with set ${this.set}: ${cause.message}`, { cause });
    }
  }

  remove(): void {
    const server = this.servers.target(this.contestant.target);
    for (const { target } of this.job.mailboxes) rmSync(server.home(target), { recursive: true, force: true });
    rmSync(this.job.state, { recursive: true, force: true });
  }

  async #verify(): Promise<void> {
    const original = await this.servers.prepare(this.set);
    const server = this.servers.target(this.contestant.target);
    const countOnly = !tools[this.contestant.tool].keepsContent;
    for (const { target } of this.job.mailboxes) {
      const different = differences(original, readMaildir(server.maildir(target)), countOnly);
      if (different.length > 0) throw new Error(`the copy is not the original:\n  ${different.join("\n  ")}`);
    }
  }
}
