import { secondsOf } from "./header-key.js";

const SECONDS_OCTETS = 8;

/**
 * What a message is recognised by in another folder of its mailbox, where it has another UID: INTERNALDATE to the second and
 * the digest of its header block (`headerDigest`), in 24 octets. Undefined where the date is invalid: such a message is
 * never recognised.
 */
export function messageIdentity(internalDate: Date, headerDigest: string): Uint8Array | undefined {
  const seconds = secondsOf(internalDate);
  if (seconds === undefined) return undefined;
  const identity = Buffer.allocUnsafe(SECONDS_OCTETS + headerDigest.length); // written whole below; from the pool
  identity.writeDoubleBE(seconds, 0);
  identity.write(headerDigest, SECONDS_OCTETS, "latin1");
  return identity;
}

/** INTERNALDATE of an identity, in seconds since 1970: what a listing tells without any header block. */
export function identitySeconds(identity: Uint8Array): number {
  return Buffer.from(identity.buffer, identity.byteOffset, identity.byteLength).readDoubleBE(0);
}
