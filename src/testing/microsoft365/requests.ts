import type { LimitName } from "./throttle.js";

/** One request that a simulator received, without its token. */
export interface SimulatedRequest {
  readonly service: "sign-in" | "graph" | "upload";
  /** In upper case. */
  readonly method: string;
  /** With its query; the token of an upload address shows as three bullets. */
  readonly path: string;
  /** Of the body. */
  readonly octets: number;
  /** When it arrived, on the simulator's clock. */
  readonly at: number;
  /** The client id of the application; absent where nobody is signed in. */
  readonly application?: string;
  /** The user principal name of the mailbox that it is about; absent where it is about none. */
  readonly mailbox?: string;
  /** Absent while it is being answered; 0 where the connection was lost. */
  readonly status?: number;
  /** When it was answered, on the simulator's clock. */
  readonly endedAt?: number;
  /** The limit that it went beyond. Only `retryAfter` lets a request through all the same. */
  readonly forbiddenBy?: LimitName;
}

/** A record while its request is being answered. */
export type OpenRecord = { -readonly [Key in keyof SimulatedRequest]: SimulatedRequest[Key] };

/** A path as it may be shown: upload addresses carry their token in the query. */
export function withoutToken(path: string): string {
  return path.replace(/([?&]authtoken=)[^&]*/gi, "$1•••");
}
