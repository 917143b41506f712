import type { AppendAnswer, AppendLane, AppendRequest } from "./append-lane.js";

/**
 * Several connections to one mailbox, for servers that have to ask for every message: while one asks, the others send.
 * Each message goes to the connection that has the fewest to send.
 */
export class AppendLanes {
  readonly #lanes: readonly AppendLane[];

  constructor(lanes: readonly AppendLane[]) {
    this.#lanes = lanes;
  }

  /** @throws MigrationError as `AppendLane.append` */
  append(request: AppendRequest): Promise<AppendAnswer> {
    return this.#lanes.reduce((best, each) => (isBetter(each, best) ? each : best)).append(request);
  }
}

/** One that was lost meanwhile would always have the fewest. */
function isBetter(lane: AppendLane, best: AppendLane): boolean {
  return lane.isLost === best.isLost ? lane.queued < best.queued : best.isLost;
}
