import { MigrationError } from "../errors.js";
import type { ImapServerAddress } from "../imap/imap-connection.js";
import { probeServer, type ServerProbe, type ServerProbeStageName } from "../imap/server-probe.js";
import { folderPath } from "../mail/folder.js";
import type { MailSource } from "../mail/mail-source.js";

/** A stage of {@link MigrationEndpointTest}; the last two are tried only with a row. */
export type MigrationEndpointTestStageName = ServerProbeStageName | "login" | "folders";

export interface MigrationEndpointTestStage {
  readonly stage: MigrationEndpointTestStageName;
  /** Milliseconds. */
  readonly ms: number;
  readonly ok: boolean;
}

/** What a test of an endpoint found; what is absent was not learnt. */
export interface MigrationEndpointTest extends Omit<ServerProbe, "stages" | "failedStage"> {
  /** The stages that were tried; the last one failed unless `ok`. */
  readonly stages: readonly MigrationEndpointTestStage[];
  readonly failedStage?: MigrationEndpointTestStageName;
  /** The row's folders as people read them, with their messages; only with a row. */
  readonly folders?: readonly { readonly path: string; readonly messages: number }[];
}

/** How long a login and a folder list may take before the test gives up, in milliseconds. */
const LOGIN_TIMEOUT_MS = 60_000;

/**
 * Tests a server without credentials and then, with `openSource`, one login and its folder list. Behind a proxy only the
 * latter: a probe would go past it.
 * @throws MigrationError `aborted`; `option-invalid` behind a proxy without `openSource`
 */
export async function testServer(
  { remoteServer, port, security, ca, acceptUntrustedCertificates, proxy }: ImapServerAddress,
  openSource: ((signal: AbortSignal) => Promise<MailSource>) | undefined,
  signal?: AbortSignal,
): Promise<MigrationEndpointTest> {
  if (proxy !== undefined) {
    if (openSource) return await testLogin({ ok: true, stages: [] }, openSource, signal);
    throw new MigrationError("option-invalid", "An endpoint behind a proxy can be tested only with a row");
  }
  const probe = await probeServer({ host: remoteServer, port, security, ca, acceptUntrustedCertificates, signal });
  if (!probe.ok || !openSource) return probe;
  return await testLogin(probe, openSource, signal);
}

async function testLogin(
  probe: ServerProbe,
  openSource: (signal: AbortSignal) => Promise<MailSource>,
  signal: AbortSignal | undefined,
): Promise<MigrationEndpointTest> {
  const stages: MigrationEndpointTestStage[] = [...probe.stages];
  const timeout = AbortSignal.timeout(LOGIN_TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  let source: MailSource | undefined;
  const timed = async <Result>(stage: MigrationEndpointTestStageName, work: () => Promise<Result>): Promise<Result> => {
    const began = performance.now();
    let ok = false;
    try {
      const result = await work();
      ok = true;
      return result;
    } finally {
      stages.push({ stage, ms: performance.now() - began, ok });
    }
  };
  try {
    const opened = await timed("login", () => openSource(either));
    source = opened;
    const folders = await timed("folders", () => opened.listFolders({ signal: either }));
    const listed = folders.map(({ levels, messages }) => ({ path: folderPath(levels), messages }));
    return { ...probe, stages, folders: listed };
  } catch (cause) {
    const error = MigrationError.from(cause);
    if (signal?.aborted) throw error;
    const failedStage = stages.at(-1)?.stage ?? "login";
    return { ...probe, ok: false, stages, failedStage, error };
  } finally {
    await source?.close();
  }
}
