/** One reason for which the sign-in service gives no token, and what a person can do about it. */
interface SignInFault {
  readonly codes: readonly number[];
  readonly text: string;
}

const fault = (codes: readonly number[], text: string): SignInFault => ({ codes, text });

const REGISTRATION = "in the Microsoft Entra admin center, App registrations";

/**
 * The error numbers (`AADSTS…`) that a migration meets, from "Microsoft Entra authentication and authorization error
 * codes" (learn.microsoft.com/entra/identity-platform/reference-error-codes); 650051, 70020, 700024, 7000229, 900021,
 * 900023, 1002012 and those of federated credentials are reported by users. Microsoft may change them: they only choose
 * the words. A number that is not here is still told apart by the OAuth 2.0 `error` (RFC 6749 section 5.2).
 */
const REFUSALS: readonly SignInFault[] = [
  // Who signs in
  fault(
    [7000215, 70002],
    `The client secret is wrong: give the secret's Value, not its Secret ID (${REGISTRATION}, Certificates & secrets)`,
  ),
  fault([7000222], `The client secret has expired: make a new one (${REGISTRATION}, Certificates & secrets)`),
  fault(
    [7000218],
    'The application must prove who it is: use clientCredentials() with a secret or certificate, or switch on "Allow public client flows" for deviceCode()',
  ),
  fault([700025], "The application is a public client: it may use neither a secret nor a certificate"),
  fault(
    [700016, 700011, 7000229],
    "The tenant does not know this application: check clientId, tenantId and cloud, and let an administrator of the tenant consent to it",
  ),
  fault([7000112, 70001, 1000031], "The application is disabled: an administrator of the tenant can enable it"),
  fault(
    [90002, 900021, 900023, 50059, 50128],
    "There is no such tenant: check tenantId, and whether the tenant belongs to another cloud",
  ),
  fault([90038, 900382, 900432], "The tenant belongs to another cloud: give that one"),
  fault([50194, 9001023], "This sign-in needs one tenant: give its id or domain as tenantId"),
  fault(
    [500011, 50001, 650052],
    "The tenant has no such service: check cloud and scope, and its Exchange Online subscription",
  ),
  // Certificates and federated assertions
  fault(
    [700027, 50012, 700030],
    `The certificate is not known to the application, or has expired: upload its public part, and check thumbprintSha256 and privateKey (${REGISTRATION}, Certificates & secrets)`,
  ),
  fault(
    [700024, 500133],
    "The client assertion is not valid at this time: check the clock of this machine, and give a fresh assertion by a callback",
  ),
  fault(
    [700211, 700212, 700213, 70021],
    `No federated credential of the application fits the assertion: issuer, subject and audience must be equal letter for letter (${REGISTRATION}, Certificates & secrets, Federated credentials)`,
  ),
  fault([50027, 50013, 50048, 900384], "The client assertion cannot be used: check who issued it, and for whom"),
  // Consent
  fault(
    [65001, 650051, 650056, 650057, 65005, 90094, 90095, 90008, 90099],
    "Consent is missing: an administrator of the tenant has to grant the application's permissions (API permissions, Grant admin consent)",
  ),
  fault([65004], "The person did not consent to the application: sign in again, or let an administrator consent"),
  fault([50105], "The person is not assigned to the application: assign them under Enterprise applications"),
  fault([70011, 28002, 700022, 700023, 1002012], "The scope does not exist or cannot be asked for in this way"),
  // Policies
  fault(
    [53003, 50131, 530032, 530034, 530035, 53000, 53001, 53002, 53004, 53011],
    "A Conditional Access policy or the security defaults of the tenant do not let this sign-in pass: see the sign-in logs, and let the policy except this application or this network",
  ),
  fault(
    [50076, 50079, 50072, 50074, 50078, 50158],
    "The tenant asks for multifactor authentication: sign in again with the device code and complete it, or use clientCredentials()",
  ),
  // People
  fault([50057], "The account is disabled: an administrator can enable it"),
  fault([50053], "The account is locked, or the network address is blocked: see the sign-in logs"),
  fault([50055, 50144], "The password of the account has expired: set a new one, then sign in again"),
  fault([50034, 16000, 50020, 90072, 51004], "The tenant has no such account: sign in with one of this tenant"),
  fault(
    [70008, 700082, 700084, 70043, 50173, 50132, 50133, 70000],
    "The sign-in has ended or was revoked: sign in again",
  ),
  // The device code
  fault([70019, 70020], "Nobody signed in with the device code in time: start again, and enter the code sooner"),
  fault([70018, 90119], "The device code is not known: start again"),
];

/** Numbers of faults that pass by themselves, from the same page. */
const PASSING: ReadonlySet<number> = new Set([
  ...[50000, 50033, 50087, 50088, 50166, 70012],
  ...[90006, 90012, 90024, 90033, 90090, 90091],
]);

/** Numbers that ask for a pause: 90055 is a throttled tenant, 50196 a program that asks too often. */
const THROTTLING: ReadonlySet<number> = new Set([90055, 50196]);

const TEXTS = new Map(REFUSALS.flatMap(({ codes, text }) => codes.map((code) => [code, text] as const)));

export type FaultKind = "refused" | "passing" | "throttling";

/** What the first number that is known here means; undefined where none is. */
export function faultOf(codes: readonly number[]): { kind: FaultKind; text?: string } | undefined {
  for (const code of codes) {
    const text = TEXTS.get(code);
    if (text !== undefined) return { kind: "refused", text };
    if (PASSING.has(code)) return { kind: "passing" };
    if (THROTTLING.has(code)) return { kind: "throttling" };
  }
  return undefined;
}

/** Every number with words of its own. */
export const knownRefusals: ReadonlyMap<number, string> = TEXTS;
