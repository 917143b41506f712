import type { MigrationBatchStatus } from "../status.js";
import type { PassKind } from "./batch-records.js";
import type { Claim } from "./migration-store.js";

/** How many users of one batch are held at an endpoint, of one kind. */
export interface HeldPlaces {
  readonly batch: string;
  readonly kind: PassKind;
  readonly leases: number;
}

/**
 * Whether a batch may take a place at its endpoint: the caps leave room, and it holds less than an equal share of them
 * while others wait that hold fewer. So a small batch beside a large one gets an equal share, or all it can use, as soon as
 * the large one has given enough back.
 */
export function hasRoom(batch: string, claim: Claim, held: readonly HeldPlaces[], waiting: readonly string[]): boolean {
  const counted = held.filter(({ kind }) => claim.kind === undefined || kind === claim.kind);
  const taken = (places: readonly HeldPlaces[]) => places.reduce((sum, { leases }) => sum + leases, 0);
  const ofBatch = (name: string) => taken(counted.filter((places) => places.batch === name));
  const { cap, totalCap = Number.POSITIVE_INFINITY } = claim;
  if (taken(counted) >= cap || taken(held) >= totalCap) return false;
  const own = ofBatch(batch);
  const poorer = waiting.filter((name) => name !== batch && ofBatch(name) < own).length;
  return poorer === 0 || own < Math.min(cap, totalCap) / (poorer + 1);
}

/** False once a batch is stopped, completed or being removed: nobody may begin work on its users any more. */
export function lendsUsers(status: MigrationBatchStatus | undefined): boolean {
  return status === undefined || !NOT_LENDING.includes(status);
}

const NOT_LENDING: readonly MigrationBatchStatus[] = [
  "Waiting",
  "Stopping",
  "Stopped",
  "Completed",
  "CompletedWithErrors",
  "Removing",
  "Corrupted",
];
