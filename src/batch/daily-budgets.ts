import type { CsvRow } from "../csv-row.js";
import type { Clock } from "../engine/clock.js";
import { DailyOctets } from "../engine/throttle/daily-octets.js";
import type { OctetsByHour } from "../store/batch-records.js";
import type { MigrationStore } from "../store/migration-store.js";
import type { SourceEndpoint } from "./batch-options.js";

/**
 * What the account of a row may still be read of today, by the provider's limit. The store keeps it for all its batches;
 * close what is opened here, so that the next pass has the whole rest.
 * @throws MigrationError `store-*`
 */
export async function openDailyBudgets(
  store: MigrationStore,
  { name, provider }: SourceEndpoint,
  { userName }: CsvRow,
  clock: Clock,
): Promise<DailyOctets[]> {
  const most = provider?.throttle.octetsReadPerDay;
  if (most === undefined) return [];
  const account = JSON.stringify([name.toLowerCase(), userName.toLowerCase()]);
  const record = {
    load: () => store.getDailyOctets(account),
    save: (octets: OctetsByHour) => store.setDailyOctets(account, octets),
  };
  return [await DailyOctets.open(most, record, clock)];
}
