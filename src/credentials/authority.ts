import type { Cloud } from "./clouds.js";

/** The sign-in address of one tenant, as MSAL wants it. Named as known: MSAL asks Microsoft about any other host. */
export function authorityOf(cloud: Cloud, tenantId: string): { authority: string; knownAuthorities: string[] } {
  const { origin, host } = new URL(cloud.authority);
  return { authority: `${origin}/${tenantId}`, knownAuthorities: [host] };
}
