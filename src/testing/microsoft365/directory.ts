import { type GraphCall, mailboxOf, userOf } from "./graph-call.js";
import { page, selected } from "./query.js";
import { type Reply, refuse } from "./reply.js";
import type { SimulatedDomainOptions, SimulatedUser } from "./tenant.js";

export function listDomains(call: GraphCall): Reply {
  return page(call, call.grant.tenant.domains, (domain) => selected(call, domainEntity(call, domain)));
}

export function getDomain(call: GraphCall): Reply {
  return { status: 200, body: selected(call, domainEntity(call, domainOf(call))) };
}

function domainOf(call: GraphCall): SimulatedDomainOptions {
  const name = call.parameters["domain"] ?? "";
  const missing = `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`;
  return call.grant.tenant.findDomain(name) ?? refuse(404, "Request_ResourceNotFound", missing);
}

function domainEntity(call: GraphCall, domain: SimulatedDomainOptions): Record<string, unknown> {
  const isFirst = call.grant.tenant.domains[0] === domain;
  return {
    id: domain.id,
    authenticationType: "Managed",
    isAdminManaged: true,
    isDefault: domain.isDefault ?? isFirst,
    isInitial: domain.isInitial ?? /\.onmicrosoft\.com$/i.test(domain.id),
    isRoot: true,
    isVerified: domain.isVerified ?? true,
    supportedServices: domain.supportedServices ?? ["Email", "OfficeCommunicationsOnline"],
  };
}

export function listServiceRecords(call: GraphCall): Reply {
  const { id, mailExchange } = domainOf(call);
  const about = { label: id, ttl: 3600, isOptional: false };
  const mx = {
    "@odata.type": "#microsoft.graph.domainDnsMxRecord",
    id: `${id}-mx`,
    ...about,
    recordType: "Mx",
    supportedService: "Email",
    mailExchange: mailExchange ?? `${id.replaceAll(".", "-")}.mail.protection.outlook.com`,
    preference: 0,
  };
  const txt = {
    "@odata.type": "#microsoft.graph.domainDnsTxtRecord",
    id: `${id}-txt`,
    ...about,
    recordType: "Txt",
    supportedService: "Email",
    text: "v=spf1 include:spf.protection.outlook.com -all",
  };
  return page(call, [mx, txt], (record) => record);
}

export function listVerificationRecords(call: GraphCall): Reply {
  const { id } = domainOf(call);
  const record = {
    "@odata.type": "#microsoft.graph.domainDnsTxtRecord",
    id: `${id}-verification`,
    isOptional: false,
    label: id,
    recordType: "Txt",
    supportedService: "Email",
    ttl: 3600,
    text: "MS=ms12345678",
  };
  return page(call, [record], (each) => each);
}

/** Without `$select` only a few members come; plans and addresses must be asked for. */
export function getUser(call: GraphCall): Reply {
  const user = userOf(call);
  const entity = userEntity(user);
  if (call.url.searchParams.has("$select")) return { status: 200, body: selected(call, entity) };
  const { id, displayName, mail, userPrincipalName } = entity;
  return { status: 200, body: { id, displayName, mail, userPrincipalName } };
}

function userEntity({ id, options }: SimulatedUser): Record<string, unknown> {
  const mail = options.mail ?? options.userPrincipalName;
  const isLicensed = options.licensed ?? true;
  const plan = { service: "exchange", capabilityStatus: isLicensed ? "Enabled" : "Deleted" };
  return {
    id,
    displayName: options.userPrincipalName.replace(/@.*$/s, ""),
    userPrincipalName: options.userPrincipalName,
    mail,
    proxyAddresses: options.proxyAddresses ?? [`SMTP:${mail}`],
    accountEnabled: options.accountEnabled ?? true,
    assignedPlans: isLicensed ? [{ ...plan, servicePlanId: "efb87545-963c-4e0d-99df-69c6916d9eb0" }] : [],
    provisionedPlans: isLicensed ? [{ ...plan, provisioningStatus: "Success" }] : [],
  };
}

const LOCALES = { en: "en-US", de: "de-DE", fr: "fr-FR", es: "es-ES" } as const;

export function getMailboxSettings(call: GraphCall): Reply {
  const { language } = mailboxOf(call);
  const userPurpose = userOf(call).options.userPurpose ?? "user";
  return { status: 200, body: { userPurpose, timeZone: "UTC", language: { locale: LOCALES[language] } } };
}
