import type { MigrationBatch, UserProgress } from "../../src/index.js";

const BAR_WIDTH = 24;

/** Shows how far each mailbox is: redrawn in place on a terminal, a line for each synced mailbox elsewhere. */
export function showProgress(batch: MigrationBatch): { end(): void } {
  const users = new Map<string, UserProgress>();
  const terminal = process.stdout.isTTY;
  let drawn = 0;
  const draw = () => {
    if (!terminal) return;
    if (drawn > 0) process.stdout.write(`\u001b[${drawn}A`);
    for (const [user, progress] of users) process.stdout.write(`\u001b[2K${line(user, progress)}\n`);
    drawn = users.size;
  };
  batch.on("user:progress", (progress) => {
    users.set(progress.user, progress);
    draw();
  });
  batch.on("folder:completed", ({ user, folder, books }) => {
    if (!terminal) console.log(`  ${user}  ${folder}: ${books.copied + books.alreadyThere} of ${books.found}`);
  });
  batch.on("user:waiting", ({ user, waitMs, error }) => console.log(`  ${user} waits ${waitMs} ms: ${error.message}`));
  batch.on("user:failed", ({ user, error }) => console.log(`  ${user} failed: ${error.message} ${error.remedy}`));
  return { end: draw };
}

function line(user: string, { itemsSynced, itemsSkipped, itemsTotal, octetsSynced }: UserProgress): string {
  const done = itemsTotal === 0 ? 1 : (itemsSynced + itemsSkipped) / itemsTotal;
  const bar = "█".repeat(Math.round(done * BAR_WIDTH)).padEnd(BAR_WIDTH, "·");
  const count = `${itemsSynced}/${itemsTotal}`.padStart(9);
  return `  ${user.padEnd(20)} ${bar} ${count} items  ${(octetsSynced / 1e6).toFixed(1)} MB`;
}
