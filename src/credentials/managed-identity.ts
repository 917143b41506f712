import type { ManagedIdentityApplication } from "@azure/msal-node";
import type { AccessToken, Microsoft365Credentials } from "./access-token.js";
import { checkText } from "./check-options.js";
import { KeptTokens } from "./kept-tokens.js";
import { signIn, signInTransport } from "./sign-in-transport.js";
import { tokenOf } from "./token-of.js";

export interface ManagedIdentityOptions {
  /** The client id of a user-assigned identity. Absent: the machine's own (system-assigned) identity. */
  readonly clientId?: string;
}

/**
 * The Azure machine signs in as itself, without a secret: VM, App Service, Functions, Container Apps, Arc. Its identity
 * needs the same permissions as an application. The cloud is that of the machine; Azure keeps the tokens too, and may
 * give the same one again.
 * @throws MigrationError `option-invalid`
 */
export function managedIdentity({ clientId }: ManagedIdentityOptions = {}): Microsoft365Credentials {
  if (clientId !== undefined) checkText("clientId", clientId);
  return {
    kind: "application",
    connect() {
      let application: Promise<ManagedIdentityApplication> | undefined;
      const load = async (): Promise<ManagedIdentityApplication> => {
        const msal = await import("@azure/msal-node");
        return new msal.ManagedIdentityApplication({
          ...(clientId !== undefined && { managedIdentityIdParams: { userAssignedClientId: clientId } }),
          system: { networkClient: signInTransport(msal), disableInternalRetries: true },
        });
      };
      return new KeptTokens(async ({ scope, signal }): Promise<AccessToken> => {
        application ??= load();
        const client = await application;
        const request = { resource: scope, forceRefresh: true }; // MSAL cuts "/.default" off
        return tokenOf(await signIn(signal, () => client.acquireToken(request)));
      });
    },
  };
}
