import type { MxRecord } from "./dns-message.js";

/**
 * Where the MX records of a domain lead: to the old host (`source`), to Microsoft 365, to another server that counts as
 * the target, to something in front of either that these names do not tell (`in-front`: a filter, or a relay), to the old
 * host and elsewhere at once (`mixed`), or nowhere: there is none, or one that says so (RFC 7505).
 */
export type MailDestination = "source" | "microsoft365" | "target" | "in-front" | "mixed" | "nowhere";

/** Names of mail servers: a name, or with a dot in front everything below it (`.filter.example`). */
export interface KnownHosts {
  /** Of the old host. */
  readonly source: readonly string[];
  /** That count as the target besides Microsoft 365. */
  readonly target: readonly string[];
}

/**
 * The domains below which Exchange Online's MX names stand: worldwide, and with DNSSEC (Microsoft, "How SMTP DANE works");
 * 21Vianet; GCC High and DoD. The name in front is Microsoft's to choose: nobody can tell it from the domain.
 */
const MICROSOFT_365 = [
  ".mail.protection.outlook.com",
  ".mx.microsoft",
  ".mail.protection.partner.outlook.cn",
  ".mail.protection.office365.us",
];

export function destinationOf(records: readonly MxRecord[], known: KnownHosts): MailDestination {
  const named = records.filter(({ exchange }) => exchange !== "");
  if (named.length === 0) return "nowhere";
  const all = new Set(named.map(({ exchange }) => hostKind(exchange, known)));
  const [only] = all;
  if (all.size === 1 && only) return only;
  // Every server that is named may get mail, the last of them too while the others rest.
  if (all.has("source")) return "mixed";
  return all.has("in-front") ? "in-front" : "target";
}

function hostKind(exchange: string, { source, target }: KnownHosts): "source" | "microsoft365" | "target" | "in-front" {
  if (isAmong(exchange, source)) return "source";
  if (isAmong(exchange, MICROSOFT_365)) return "microsoft365";
  return isAmong(exchange, target) ? "target" : "in-front";
}

function isAmong(exchange: string, hosts: readonly string[]): boolean {
  return hosts.some((host) => {
    const name = host.toLowerCase().replace(/\.$/, "");
    return name.startsWith(".") ? exchange.endsWith(name) : exchange === name;
  });
}
