import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

/** Gives folders that are removed, after what was opened in them was closed, when the test ends. */
export function temporaryFolders() {
  const closings: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
  });
  return {
    async folder(): Promise<string> {
      const path = await mkdtemp(join(tmpdir(), "imap-to-m365-store-"));
      closings.push(() => rm(path, { recursive: true }));
      return path;
    },
    /** Has it closed when the test ends. */
    closing<Opened extends { close(): Promise<void> }>(opened: Opened): Opened {
      closings.push(() => opened.close());
      return opened;
    },
  };
}
