import { ImapFlow } from "imapflow";
import { PASSWORD } from "./dovecot.js";

/** Has the server index a mailbox, so that no tool pays for being the first to look. */
export async function warmUp(port: number, user: string): Promise<void> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: false,
    doSTARTTLS: false,
    auth: { user, pass: PASSWORD },
    logger: false,
  });
  await client.connect();
  for (const folder of await client.list()) {
    if (folder.flags.has("\\Noselect") || folder.flags.has("\\NonExistent")) continue;
    const { exists } = await client.mailboxOpen(folder.path, { readOnly: true });
    const wanted = { uid: true, flags: true, size: true, internalDate: true };
    if (exists > 0) await client.fetchAll("1:*", wanted);
  }
  await client.logout();
}
