// Microsoft's article "Use PowerShell to perform an IMAP migration to Office 365" as one program, with each of its checks.
import {
  type Clock,
  CsvRow,
  MigrationBatch,
  MigrationEndpoint,
  type MigrationEndpointOptions,
  type MigrationError,
  type MigrationReport,
  type MigrationStore,
  type MigrationTarget,
} from "../../src/index.js";

/** A school that moves. */
export interface School {
  readonly domain: string;
  readonly endpoint: Omit<MigrationEndpointOptions, "name">;
  readonly target: MigrationTarget;
  /** IMAPmigration_1.csv. */
  readonly csv: string;
  readonly store: MigrationStore;
  readonly clock: Clock;
  /** What resolvers say now. */
  resolveMx(): Promise<{ records: { exchange: string; preference: number }[]; ttl: number }>;
  /** The administrator of the domain's DNS points the MX record at Microsoft 365. */
  switchMx(): void;
  /** Three days go by, in which mail still comes to the old host. */
  waitThreeDays(): Promise<void>;
}

/** What each check of the article saw. */
export interface SixSteps {
  readonly serverAnswers: boolean;
  readonly endpointFound: string;
  readonly rowsOk: readonly boolean[];
  readonly planned: number;
  readonly created: string;
  readonly first: MigrationReport;
  readonly missing: Readonly<Record<"beforeSwitch" | "afterSwitch" | "afterThreeDays", readonly string[]>>;
  readonly refusal: string;
  readonly last: MigrationReport;
  readonly afterRemoval: string;
}

export async function sixSteps(school: School): Promise<SixSteps> {
  const { domain, store, target, clock } = school;
  // Step 1, prepare: does the server answer, and may its folders be read? (Test-MigrationServerAvailability)
  // Step 2, the users in a CSV file.
  const users = CsvRow.parse(school.csv);
  const options = { ...school.endpoint, name: "IMAPEndpoint" };
  const serverTest = await new MigrationEndpoint(options).test(users[0]);

  // Step 3, the endpoint (New-MigrationEndpoint), and the check: Get-MigrationEndpoint.
  await MigrationEndpoint.create(store, options);
  const endpoint = await MigrationEndpoint.get(store, "IMAPEndpoint");

  // Step 4, the batch (New-MigrationBatch, Start-MigrationBatch), and the check: Get-MigrationBatch.
  const batch = await MigrationBatch.create({
    name: "IMAPBatch1",
    sourceEndpoint: endpoint,
    target,
    users,
    store,
    clock,
    settleDelayMs: 0,
    syncIntervalMs: 0,
  });
  const created = (await MigrationBatch.get(store, "IMAPBatch1")).status;
  const rowsOk: boolean[] = [];
  for await (const { ok } of batch.checkRows({ pauseMs: 0 })) rowsOk.push(ok);
  const plan = await batch.plan();
  const first = await batch.start();

  // Step 5, the MX record, and the check that mail arrives at Microsoft 365.
  const look = { sourceHosts: ["mail.contoso.edu"], resolvers: ["192.0.2.53"], resolveMx: () => school.resolveMx() };
  const before = await batch.cutover(domain, look);
  school.switchMx();
  const after = await batch.cutover(domain, { ...look, state: before.state });
  await school.waitThreeDays();
  await batch.syncNow();
  await batch.syncNow();
  const inTime = await batch.cutover(domain, { ...look, state: after.state });

  // Step 6, remove the batch (Remove-MigrationBatch), and the check: Get-MigrationBatch finds it no more.
  await batch.stop();
  const refusal = await failure(MigrationEndpoint.remove(store, "IMAPEndpoint"));
  const last = await batch.report();
  await batch.remove();
  const afterRemoval = await failure(MigrationBatch.get(store, "IMAPBatch1"));
  await MigrationEndpoint.remove(store, "IMAPEndpoint");

  const names = ({ missing }: { missing: readonly { what: string }[] }) => missing.map(({ what }) => what);
  return {
    ...{
      serverAnswers: serverTest.ok,
      endpointFound: endpoint.remoteServer,
      rowsOk,
      planned: plan.messages,
      created,
      first,
    },
    missing: { beforeSwitch: names(before), afterSwitch: names(after), afterThreeDays: names(inTime) },
    ...{ refusal, last, afterRemoval },
  };
}

/** The code that a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "none",
    (error: MigrationError) => error.code,
  );
}
