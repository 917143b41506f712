import { Random } from "../fixtures/mail/random.js";

/** `RECOVERY=full` asks for the long form of every loop. */
export const isFull = process.env["RECOVERY"] === "full";

/** How often a loop goes round: the environment variable `name`, or the form's own number. */
export function countFor(name: string, counts: { short: number; full: number }): number {
  return Number(process.env[name] ?? (isFull ? counts.full : counts.short));
}

/** From the environment variable SEED, or another one each time. */
export const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));

export function seededRandom(): Random {
  return new Random(seed);
}

/** What a loop has done, with what is needed to do it again. */
export function tell(loop: string, counts: object): void {
  console.info(`${loop}: SEED=${seed} ${JSON.stringify(counts)}`);
}
