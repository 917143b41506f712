import type { CutKind, FaultCondition, ServerFault } from "./faults.js";

/** Faults with a name: what servers in the wild and on purpose do wrong. Each is a {@link ServerFault} to give to a server. */
export const knownFaults = {
  /** The message is stored, but the connection is lost before the client hears of it. */
  lostAcknowledgement: (when: FaultCondition = {}, how: CutKind = "rst"): ServerFault => ({
    when: { verb: "APPEND", ...when },
    do: { cut: how, after: "effect" },
  }),

  /** The connection is lost first and the message stored when `commit` resolves. */
  lateCommit: (commit: Promise<unknown>, when: FaultCondition = {}): ServerFault => ({
    when: { verb: "APPEND", ...when },
    do: { cut: "rst", after: "effect", commitAfterCut: commit },
  }),

  /** Nothing is said on connecting. */
  noGreeting: (): ServerFault => ({ when: { verb: "greeting" }, do: { dropAnswer: true, effect: false } }),

  /** What answers is no IMAP server. */
  sshBanner: (): ServerFault => ({ when: { verb: "greeting" }, do: { replaceLine: () => "SSH-2.0-OpenSSH_9.2p1" } }),

  /** The greeting is `* BYE` with this text. */
  byeGreeting: (text = "Too many connections"): ServerFault => ({ when: { verb: "greeting" }, do: { bye: text } }),

  /** The greeting says that this user is signed in already. */
  preauthGreeting: (user: string): ServerFault => ({ when: { verb: "greeting" }, do: { preauth: user } }),

  /** STARTTLS is offered and answered with NO. */
  startTlsRefused: (): ServerFault => ({ when: { verb: "STARTTLS" }, do: { answer: "NO TLS not available" } }),

  /** STARTTLS is answered with OK, and plain text goes on. */
  startTlsNotFollowed: (): ServerFault => ({
    when: { verb: "STARTTLS" },
    do: { answer: "OK Begin TLS negotiation now" },
  }),

  /** A line in plain text comes behind the OK of STARTTLS, in the same segment. */
  startTlsInjection: (line = "* CAPABILITY IMAP4rev1 AUTH=PLAIN"): ServerFault => ({
    when: { verb: "STARTTLS" },
    do: { insertAfter: [line] },
  }),

  /** An untagged line that never ends. */
  endlessLine: (when: FaultCondition): ServerFault => ({
    when,
    do: { flood: { before: "* OK ", repeat: "x".repeat(1024), times: Number.POSITIVE_INFINITY } },
  }),

  /** A literal that announces so many octets, given in digits (`4294967296`, or 30 of them), and sends without end. */
  hugeLiteral: (digits: string, when: FaultCondition = { verb: "UID FETCH" }): ServerFault => ({
    when,
    do: {
      flood: {
        before: `* 1 FETCH (UID 1 BODY[] {${digits}}\r\n`,
        repeat: "x".repeat(1024),
        times: Number.POSITIVE_INFINITY,
      },
    },
  }),

  /** An untagged answer with so many opening parentheses. */
  deepNesting: (depth: number, when: FaultCondition = { verb: "LIST" }): ServerFault => ({
    when,
    do: { flood: { before: "* LIST ", repeat: "(", times: depth, after: "\r\n" } },
  }),

  /** So many LIST lines in front of the true ones. */
  manyFolders: (count: number, when: FaultCondition = { verb: "LIST" }): ServerFault => ({
    when,
    do: { flood: { repeat: (index) => `* LIST () "/" "folder ${index}"\r\n`, times: count } },
  }),
} as const;
