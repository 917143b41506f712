import type { MigrationErrorCode } from "./errors.js";

/** What is wrong, and how that is said of a server: "mail.contoso.com refused the connection". */
export type Fault = readonly [code: MigrationErrorCode, predicate: string];

const UNREACHABLE: Fault = ["connect-timeout", "cannot be reached"];
const UNRESOLVED: Fault = ["dns-failed", "has a name that does not resolve here"];
const UNTRUSTED: Fault = ["certificate-untrusted", "has a certificate that nobody trusted here has issued"];
const REJECTED: Fault = ["certificate-untrusted", "has a certificate that is not valid for a server"];

/** A handshake that failed for no reason that can be told from the code alone. */
export const tlsFailed: Fault = ["tls-failed", "does not agree on TLS 1.2 or newer"];

/**
 * By the `code` of an error of Node: those of the operating system and of name resolution, and of TLS those of OpenSSL
 * (nodejs.org/api/tls.html, X509 certificate error codes).
 */
const FAULTS = new Map<string, Fault>([
  ["ECONNREFUSED", ["connection-refused", "refused the connection"]],
  ["EACCES", ["connection-refused", "may not be connected to from here"]],
  ["EPERM", ["connection-refused", "may not be connected to from here"]],
  ["ENOTFOUND", UNRESOLVED],
  ["EAI_AGAIN", UNRESOLVED],
  ["EAI_FAIL", UNRESOLVED],
  ["EAI_NODATA", UNRESOLVED],
  ["EAI_NONAME", UNRESOLVED],
  ["ETIMEDOUT", ["connect-timeout", "did not answer in time"]],
  ["EHOSTUNREACH", UNREACHABLE],
  ["ENETUNREACH", UNREACHABLE],
  ["EHOSTDOWN", UNREACHABLE],
  ["ENETDOWN", UNREACHABLE],
  ["EADDRNOTAVAIL", UNREACHABLE],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", ["certificate-untrusted", "has a certificate that it signed itself"]],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNTRUSTED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNTRUSTED],
  ["CERT_UNTRUSTED", UNTRUSTED],
  ["CERT_CHAIN_TOO_LONG", REJECTED],
  ["CERT_REJECTED", REJECTED],
  ["CERT_REVOKED", REJECTED],
  ["CERT_SIGNATURE_FAILURE", REJECTED],
  ["INVALID_CA", REJECTED],
  ["INVALID_PURPOSE", REJECTED],
  ["PATH_LENGTH_EXCEEDED", REJECTED],
  ["CERT_HAS_EXPIRED", ["certificate-expired", "has a certificate that has expired"]],
  ["CERT_NOT_YET_VALID", ["certificate-expired", "has a certificate that is not valid yet; is the clock right here?"]],
  ["ERR_TLS_CERT_ALTNAME_INVALID", ["certificate-name", "has a certificate for another name"]],
  ["HOSTNAME_MISMATCH", ["certificate-name", "has a certificate for another name"]],
]);

/** Why a connection did not come about; undefined for codes that do not say so, as those of a connection that was lost. */
export function systemFault(code: string): Fault | undefined {
  return FAULTS.get(code) ?? (/^(EPROTO$|ERR_(SSL|TLS)_)/.test(code) ? tlsFailed : undefined);
}
