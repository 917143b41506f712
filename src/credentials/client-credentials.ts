import { createPrivateKey } from "node:crypto";
import type { ConfidentialClientApplication, Configuration } from "@azure/msal-node";
import { MigrationError } from "../errors.js";
import type { AccessToken, Microsoft365Credentials } from "./access-token.js";
import { authorityOf } from "./authority.js";
import { checkTenantId, checkText } from "./check-options.js";
import type { Cloud } from "./clouds.js";
import { KeptTokens } from "./kept-tokens.js";
import { signIn, signInTransport } from "./sign-in-transport.js";
import { tokenOf } from "./token-of.js";

/** A certificate that the application knows by its public part. */
export interface ClientCertificate {
  /** PEM, not encrypted. */
  readonly privateKey: string;
  /** SHA-256 of the certificate in hexadecimal, with or without colons: `openssl x509 -noout -fingerprint -sha256`. */
  readonly thumbprintSha256: string;
  /** The certificate itself (PEM), for sign-in by subject name and issuer. Absent: the thumbprint alone is sent. */
  readonly x5c?: string;
}

/** Which application signs in, and the one proof that it gives. */
export type ClientCredentialsOptions = {
  /** The tenant's id, or one of its domains. */
  readonly tenantId: string;
  /** The application's id (client id). */
  readonly clientId: string;
} & (
  | { readonly clientSecret: string }
  | { readonly certificate: ClientCertificate }
  | {
      /**
       * A federated credential: a signed token of another identity provider. Such tokens live for minutes, so give a
       * function; it is called for each access token.
       */
      readonly assertion: string | (() => string | Promise<string>);
    }
);

/**
 * An application signs in as itself (OAuth 2.0 client credentials, RFC 6749 section 4.4): the usual way for a migration.
 * It reaches every mailbox that it is let into; `docs/credentials.md` says what an administrator has to grant.
 * @throws MigrationError `option-invalid`
 */
export function clientCredentials(options: ClientCredentialsOptions): Microsoft365Credentials {
  checkTenantId(options.tenantId, "application");
  checkText("clientId", options.clientId);
  const { tenantId, clientId } = options;
  const proof = proofOf(options);
  return {
    kind: "application",
    connect(cloud: Cloud) {
      let application: Promise<ConfidentialClientApplication> | undefined;
      const load = async (): Promise<ConfidentialClientApplication> => {
        const msal = await import("@azure/msal-node");
        return new msal.ConfidentialClientApplication({
          auth: { clientId, ...authorityOf(cloud, tenantId), ...proof },
          system: { networkClient: signInTransport(msal), disableInternalRetries: true },
        });
      };
      return new KeptTokens(async ({ scope, signal }): Promise<AccessToken> => {
        application ??= load();
        const client = await application;
        const request = { scopes: [scope], skipCache: true };
        return tokenOf(await signIn(signal, () => client.acquireTokenByClientCredential(request)));
      });
    },
  };
}

type Proof = Pick<Configuration["auth"], "clientSecret" | "clientCertificate" | "clientAssertion">;

function proofOf(options: ClientCredentialsOptions): Proof {
  const given = ["clientSecret", "certificate", "assertion"].filter((name) => name in options);
  if (given.length !== 1) {
    const text = "clientCredentials needs one of clientSecret, certificate and assertion";
    throw new MigrationError("option-invalid", given.length > 1 ? `${text}, not ${given.join(" and ")}` : text);
  }
  if ("clientSecret" in options) {
    checkText("clientSecret", options.clientSecret);
    return { clientSecret: options.clientSecret };
  }
  if ("certificate" in options) return { clientCertificate: checkCertificate(options.certificate) };
  const { assertion } = options;
  if (typeof assertion === "function") return { clientAssertion: () => askAssertion(assertion) };
  checkText("assertion", assertion);
  return { clientAssertion: assertion };
}

function checkCertificate({ privateKey, thumbprintSha256, x5c }: ClientCertificate) {
  const thumbprint = String(thumbprintSha256).replaceAll(/[:\s]/g, "");
  if (!/^[\da-f]{64}$/i.test(thumbprint)) {
    throw new MigrationError("option-invalid", "certificate.thumbprintSha256 must be 64 hexadecimal digits");
  }
  try {
    createPrivateKey(privateKey);
  } catch {
    throw new MigrationError("option-invalid", "certificate.privateKey must be a private key as PEM, not encrypted");
  }
  return { privateKey, thumbprintSha256: thumbprint, ...(x5c !== undefined && { x5c }) };
}

async function askAssertion(callback: () => string | Promise<string>): Promise<string> {
  try {
    return await callback();
  } catch (cause) {
    if (MigrationError.is(cause)) throw cause;
    throw new MigrationError("token-unavailable", "The assertion callback failed", { cause });
  }
}
