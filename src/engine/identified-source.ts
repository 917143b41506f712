import type { MailSource } from "../mail/mail-source.js";

/** The same mailbox; every listing is asked for the id that a message has in every folder too. */
export function identifiedSource(source: MailSource): MailSource {
  return {
    listFolders: (options) => source.listFolders(options),
    listMessages: (folder, options) => source.listMessages(folder, { ...options, emailIds: true }),
    fetch: (folder, uids, options) => source.fetch(folder, uids, options),
    close: () => source.close(),
  };
}
