import type { Cloud } from "../../credentials/clouds.js";
import type { GraphFault } from "./faults.js";
import type { ImportedDate } from "./graph-call.js";
import type { SimulatedRequest } from "./requests.js";
import type { SimulatedTenantOptions } from "./tenant.js";
import type { GraphLimits } from "./throttle.js";
import type { WellKnownFolder } from "./well-known-folders.js";

/** Time as a simulator sees it. The engine's `Clock` is one. */
export interface SimulatorClock {
  /** Milliseconds on a clock that only goes forward: limits, tokens and upload sessions run by it. */
  now(): number;
  /** Milliseconds since 1970, for the dates in answers. Default: the machine's clock. */
  date?(): number;
}

/** How a simulator is made. Only the tenants are needed. */
export interface Microsoft365SimulatorOptions {
  readonly tenants: readonly SimulatedTenantOptions[];
  /** Default: the machine's clock. */
  readonly clock?: SimulatorClock;
  /** What is not given is as Microsoft documents it. */
  readonly limits?: Partial<GraphLimits>;
  /** The hosts. Default: those of the global cloud. */
  readonly cloud?: Pick<Cloud, "authority" | "graph" | "imapScope">;
  /** Where upload sessions are. Default `https://outlook.office.com`. */
  readonly uploadHost?: string;
  /** Default one hour. */
  readonly tokenLifetimeMs?: number;
  /** Default one hour; Microsoft does not say. */
  readonly uploadSessionLifetimeMs?: number;
  /** Where DELETE puts a message; Microsoft does not say. Default `deleteditems`. */
  readonly deletedMessagesGoTo?: WellKnownFolder;
  /** The received date that importMime gives; Microsoft does not say. Default `now`. */
  readonly importedMessagesAreReceived?: ImportedDate;
  /** How long each Graph and upload request takes: awaited while it counts as running. Default: no time. */
  readonly latency?: (request: SimulatedRequest) => Promise<unknown>;
  readonly faults?: readonly GraphFault[];
}
