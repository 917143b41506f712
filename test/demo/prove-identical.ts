import type { MailServer } from "../servers/mail-server.js";
import { differences, readMailbox } from "../servers/read-mailbox.js";

/** Reads every mailbox back from both servers, with another client than the library's, and compares them. */
export async function proveIdentical(source: MailServer, target: MailServer, users: readonly string[]): Promise<void> {
  let messages = 0;
  let octets = 0;
  const found: string[] = [];
  for (const user of users) {
    const account = source.users.find(({ name }) => name === user);
    if (!account) throw new Error(`No account ${user}`);
    const [there, here] = await Promise.all([readMailbox(source, account), readMailbox(target, account)]);
    found.push(...differences(there, here).map((difference) => `${user}: ${difference}`));
    for (const stored of there.values()) {
      messages += stored.length;
      for (const { size } of stored) octets += size;
    }
  }
  if (found.length > 0) throw new Error(`Source and target differ:\n${found.join("\n")}`);
  console.log(
    `Read back: ${messages} messages, ${octets} octets; source and target hold the same (SHA-256, flags, dates).`,
  );
}
