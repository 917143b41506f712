import type { FaultCondition, ServerFault } from "./faults.js";

/** What Exchange Online is reported to answer on bad days. Each is a {@link ServerFault} to give to a server. */
export const exchangeFaults = {
  /** Too much is asked for: come back in so many milliseconds; then the connection is closed. */
  throttled: (backoffMs: number, when: FaultCondition = {}, word: "NO" | "BAD" = "BAD"): ServerFault => ({
    when,
    do: {
      answer: `${word} Request is throttled. Suggested Backoff Time: ${backoffMs} milliseconds`,
      thenBye: "Connection closed. 14",
    },
  }),

  /** The answer to nearly anything that is wrong with a message. */
  commandArgumentError: (when: FaultCondition = {}): ServerFault => ({
    when: { verb: "APPEND", ...when },
    do: { answer: "BAD Command Argument Error. 11" },
  }),

  /** The mailbox is full, or the server too busy. */
  serverUnavailable: (when: FaultCondition = {}): ServerFault => ({
    when: { verb: "APPEND", ...when },
    do: { answer: "NO Server Unavailable. 15" },
  }),

  /** The token ran out, told by BYE and not in the answer to a command. */
  sessionInvalidated: (when: FaultCondition = {}): ServerFault => ({
    when,
    do: { bye: "Session invalidated - AccessTokenExpired" },
  }),

  /** Sign-in succeeds, and this command is told that it did not: IMAP is off, the right is missing, or too many reconnects. */
  notConnected: (when: FaultCondition = { verb: "NAMESPACE" }): ServerFault => ({
    when,
    do: { answer: "BAD User is authenticated but not connected." },
  }),

  /** A command at the wrong moment. */
  invalidState: (when: FaultCondition = {}): ServerFault => ({
    when,
    do: { answer: "BAD Command received in Invalid state." },
  }),
} as const;
