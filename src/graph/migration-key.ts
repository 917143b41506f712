import { headerBlock, headerKey } from "../mail/header-key.js";
import type { MessageHead } from "../mail/message.js";

/** Our named property (learn.microsoft.com/graph/api/resources/extended-properties-overview); PS_PUBLIC_STRINGS. */
export const KEY_PROPERTY = "String {00020329-0000-0000-C000-000000000046} Name MigrationKey";

const BUILDING = "-building";
const KEY = /^[0-9a-f]{64}-\d+$/;

/**
 * What a message made by us is found by again: SHA-256 over its header block and INTERNALDATE ({@link headerKey}), and its
 * size. A listing with header blocks tells as much, so that nothing needs to be remembered. Twins have one key.
 */
export function migrationKey(header: Uint8Array, internalDate: Date, size: number): string {
  return `${headerKey(header, internalDate)}-${size}`;
}

/** The key of a message whose octets are at hand. */
export function keyOfOctets(octets: Uint8Array, internalDate: Date): string {
  return migrationKey(headerBlock(octets), internalDate, octets.length);
}

/** The key of a listed message; undefined where the listing did not tell its header block. */
export function keyOfHead({ header, internalDate, size }: MessageHead): string | undefined {
  return header && migrationKey(header, internalDate, size);
}

/** What the property says while attachments are still to come: a crash leaves a message that can be told. */
export function buildingKey(key: string): string {
  return key + BUILDING;
}

/** The property as it was read; undefined for everything that we did not write. */
export function readKey(value: string): { readonly key: string; readonly isBuilding: boolean } | undefined {
  const isBuilding = value.endsWith(BUILDING);
  const key = isBuilding ? value.slice(0, -BUILDING.length) : value;
  return KEY.test(key) ? { key, isBuilding } : undefined;
}
