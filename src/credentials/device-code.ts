import type { AccountInfo, PublicClientApplication } from "@azure/msal-node";
import { aborted } from "../abortable.js";
import { MigrationError } from "../errors.js";
import type { AccessToken, Microsoft365Credentials } from "./access-token.js";
import { authorityOf } from "./authority.js";
import { checkTenantId, checkText } from "./check-options.js";
import type { Cloud } from "./clouds.js";
import { KeptTokens, type TokenFetch } from "./kept-tokens.js";
import { signIn, signInTransport } from "./sign-in-transport.js";
import { tokenOf } from "./token-of.js";

/** What a person has to be shown. */
export interface DeviceCodePrompt {
  /** The whole instruction, in the tenant's language. */
  readonly message: string;
  readonly verificationUri: string;
  readonly userCode: string;
  /** Until when the code can be entered; about 15 minutes. */
  readonly expiresOn: Date;
}

export interface DeviceCodeOptions {
  /** The tenant's id or one of its domains; `organizations` lets the person's account decide. */
  readonly tenantId: string;
  /** The application's id (client id); "Allow public client flows" must be on. */
  readonly clientId: string;
  /** Shows the code to the person. Called at the first token, and again when the sign-in has ended or was revoked. */
  readonly onPrompt: (prompt: DeviceCodePrompt) => void;
}

/**
 * A person signs in on any browser (OAuth 2.0 device authorization grant, RFC 8628) and the program acts for them: their
 * own mailbox, and those that they may open. Later tokens are had without them. Many tenants forbid this by Conditional
 * Access.
 * @throws MigrationError `option-invalid`
 */
export function deviceCode({ tenantId, clientId, onPrompt }: DeviceCodeOptions): Microsoft365Credentials {
  checkTenantId(tenantId, "person");
  checkText("clientId", clientId);
  if (typeof onPrompt !== "function") throw new MigrationError("option-invalid", "onPrompt must be a function");
  return {
    kind: "delegated",
    connect(cloud: Cloud) {
      let session: Promise<DeviceSession> | undefined;
      const load = async (): Promise<DeviceSession> => {
        const msal = await import("@azure/msal-node");
        const application = new msal.PublicClientApplication({
          auth: { clientId, ...authorityOf(cloud, tenantId) },
          system: { networkClient: signInTransport(msal), disableInternalRetries: true },
        });
        return new DeviceSession(application, onPrompt);
      };
      return new KeptTokens(async (fetch) => {
        session ??= load();
        return await (await session).fetch(fetch);
      });
    },
  };
}

/** One person's sign-in, whatever the number of scopes. */
class DeviceSession {
  readonly #application: PublicClientApplication;
  readonly #onPrompt: DeviceCodeOptions["onPrompt"];
  #account: AccountInfo | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(application: PublicClientApplication, onPrompt: DeviceCodeOptions["onPrompt"]) {
    this.#application = application;
    this.#onPrompt = onPrompt;
  }

  /** One at a time: nobody wants to see two codes at once, and the second scope needs no code after the first. */
  fetch(fetch: TokenFetch): Promise<AccessToken> {
    const token = this.#last.then(() => this.#token(fetch));
    this.#last = token.catch(() => {});
    return token;
  }

  async #token(fetch: TokenFetch): Promise<AccessToken> {
    if (fetch.signal.aborted) throw aborted();
    if (this.#account) {
      try {
        return await this.#silently(this.#account, fetch);
      } catch (error) {
        if (!MigrationError.is(error) || error.code !== "credentials-refused") throw error;
      }
    }
    return await this.#prompt(fetch);
  }

  async #silently(account: AccountInfo, { scope, signal }: TokenFetch): Promise<AccessToken> {
    const request = { account, scopes: scope.split(" "), forceRefresh: true };
    return tokenOf(await signIn(signal, () => this.#application.acquireTokenSilent(request)));
  }

  async #prompt({ scope, signal }: TokenFetch): Promise<AccessToken> {
    const request = {
      scopes: scope.split(" "),
      deviceCodeCallback: ({ message, verificationUri, userCode, expiresIn }: DeviceCodeAnswer) =>
        this.#onPrompt({ message, verificationUri, userCode, expiresOn: new Date(Date.now() + expiresIn * 1000) }),
    };
    const result = await signIn(signal, () => this.#application.acquireTokenByDeviceCode(request));
    this.#account = result?.account ?? undefined;
    return tokenOf(result);
  }
}

/** The parts of MSAL's answer that a prompt is made of; the device code itself is not for people. */
interface DeviceCodeAnswer {
  readonly message: string;
  readonly verificationUri: string;
  readonly userCode: string;
  /** Seconds. */
  readonly expiresIn: number;
}
