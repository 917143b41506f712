import { scrub } from "../scrub.js";
import type { ImapLogin } from "./imap-connection.js";

/** How a sign-in goes: the lines of its command, each but the first sent when the server asks. */
export interface SignInCommand {
  readonly isOauth: boolean;
  readonly lines: readonly string[];
}

/** In upper case, as announced before the sign-in. */
type Capabilities = ReadonlySet<string>;

/**
 * The sign-in that fits the login and the server; undefined where the server offers none that does.
 *
 * A token goes by OAUTHBEARER (RFC 7628) or XOAUTH2 (developers.google.com/workspace/gmail/imap/xoauth2-protocol), a
 * password by SASL PLAIN (RFC 4616), else by SASL LOGIN, else by the command LOGIN, which every server
 * has unless it says LOGINDISABLED.
 */
export function signInCommand(
  login: ImapLogin,
  capabilities: Capabilities,
  server: { readonly remoteServer: string; readonly port: number },
): SignInCommand | undefined {
  const { user, password, accessToken, authorizationId } = login;
  if (accessToken !== undefined) return oauth(user, accessToken, capabilities, server);
  if (password === undefined) return undefined;
  if (capabilities.has("AUTH=PLAIN")) {
    const response = base64(`${authorizationId ?? ""}\0${user}\0${password}`);
    return { isOauth: false, lines: authenticate("PLAIN", response, capabilities) };
  }
  if (authorizationId !== undefined) return undefined;
  if (capabilities.has("AUTH=LOGIN")) {
    return { isOauth: false, lines: ["AUTHENTICATE LOGIN", base64(user), base64(password)] };
  }
  return capabilities.has("LOGINDISABLED") ? undefined : { isOauth: false, lines: loginLines(user, password) };
}

function oauth(
  user: string,
  token: string,
  capabilities: Capabilities,
  { remoteServer, port }: { readonly remoteServer: string; readonly port: number },
): SignInCommand | undefined {
  // A refusal comes as a challenge with the reason, which wants one more line before the NO (RFC 7628 section 3.2.3).
  if (capabilities.has("AUTH=OAUTHBEARER")) {
    const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C"); // RFC 5801 section 4, `saslname`
    const response = base64(`n,a=${name},\x01host=${remoteServer}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`);
    return { isOauth: true, lines: [...authenticate("OAUTHBEARER", response, capabilities), "AQ=="] };
  }
  if (capabilities.has("AUTH=XOAUTH2")) {
    const response = base64(`user=${user}\x01auth=Bearer ${token}\x01\x01`);
    return { isOauth: true, lines: [...authenticate("XOAUTH2", response, capabilities), ""] };
  }
  return undefined;
}

/** With the response in the command where the server has SASL-IR (RFC 4959): a round trip less. */
function authenticate(mechanism: string, response: string, capabilities: Capabilities): string[] {
  return capabilities.has("SASL-IR")
    ? [`AUTHENTICATE ${mechanism} ${response}`]
    : [`AUTHENTICATE ${mechanism}`, response];
}

/** A quoted string takes no 8-bit octets (RFC 3501 section 9): such a name or password goes as a literal. */
function loginLines(user: string, password: string): string[] {
  const lines = ["LOGIN"];
  for (const text of [user, password]) {
    const at = lines.length - 1;
    if (/^[\x20-\x7e]*$/.test(text)) {
      lines[at] += ` "${text.replace(/["\\]/g, "\\$&")}"`;
    } else {
      lines[at] += ` {${Buffer.byteLength(text)}}`;
      lines.push(text);
    }
  }
  return lines;
}

/** True where the server's challenge says that the token, not the account, was refused (RFC 7628 section 3.2.2). */
export function refusesToken(continuations: readonly string[]): boolean {
  return continuations.some((challenge) => {
    const status = /"status"\s*:\s*"([^"]*)"/.exec(scrub(Buffer.from(challenge, "base64").toString(), []))?.[1];
    return status === "401" || status === "invalid_token";
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
