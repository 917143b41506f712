import type { Books, MigrationReport } from "../../src/index.js";

/** The report as a table: each user with its folders, the sums, and every message that needs a look. */
export async function printReport(report: MigrationReport): Promise<void> {
  console.log(
    `\nReport of ${report.batch}: ${report.status}, books ${report.balanced ? "balanced" : "NOT balanced"}\n`,
  );
  console.log(row("", ["found", "copied", "there", "skipped", "refused", "failed", "vanished", "octets"]));
  for await (const { user, books, folders } of report.userReports()) {
    console.log(row(`${user.identity} (${user.status})`, figures(books)));
    for (const folder of folders) {
      const target = folder.target === folder.source || folder.target === undefined ? "" : ` → ${folder.target}`;
      console.log(row(`  ${folder.source}${target}`, figures(folder.books)));
    }
  }
  console.log(row("Total", figures(report.books)));
  for await (const { emailAddress, folder, uid, kind, reason, detail } of report.items()) {
    console.log(`  ${emailAddress} ${folder} UID ${uid}: ${kind} ${reason ?? ""} ${detail ?? ""}`);
  }
  const { copied, octetsCopied, durationMs } = report.run;
  console.log(`\nThis run copied ${copied} messages, ${octetsCopied} octets, in ${durationMs} ms.`);
}

function figures({ found, copied, alreadyThere, skipped, refused, failed, vanished, octetsCopied }: Books): string[] {
  return [found, copied, alreadyThere, skipped, refused, failed, vanished, octetsCopied].map(String);
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(40) + cells.map((cell) => cell.padStart(9)).join("");
}
