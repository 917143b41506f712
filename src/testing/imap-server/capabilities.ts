/** What a server's list of capabilities may depend on. */
export interface CapabilityState {
  /** The connection is under TLS. */
  readonly tls: boolean;
  /** Somebody is signed in. */
  readonly authenticated: boolean;
  /** The server was started with STARTTLS and the connection is in plain text. */
  readonly canStartTls: boolean;
  /** The server's APPENDLIMIT in octets; absent where it has none. */
  readonly appendLimit?: number;
}

const BEFORE_LOGIN = ["SASL-IR", "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER"];

const AFTER_LOGIN = [
  "NAMESPACE",
  "UIDPLUS",
  "UNSELECT",
  "CHILDREN",
  "LIST-EXTENDED",
  "LIST-STATUS",
  "STATUS=SIZE",
  "SPECIAL-USE",
  "CREATE-SPECIAL-USE",
  "CONDSTORE",
  "MULTIAPPEND",
];

/**
 * What a scripted server announces by default. It does what it announces and nothing else: without `UIDPLUS` there is no
 * APPENDUID, without `LITERAL+` a non-synchronizing literal is answered with BAD.
 */
export function defaultCapabilities(state: CapabilityState): string[] {
  const list = ["IMAP4rev1", "LITERAL+", "ID", "ENABLE"];
  if (state.canStartTls) list.push("STARTTLS");
  list.push(...(state.authenticated ? AFTER_LOGIN : BEFORE_LOGIN));
  if (state.authenticated && state.appendLimit !== undefined) list.push(`APPENDLIMIT=${state.appendLimit}`);
  return list;
}
