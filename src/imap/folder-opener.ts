import { MigrationError } from "../errors.js";
import { folderPath, type SourceFolder } from "../mail/folder.js";
import type { ImapConnection } from "./imap-connection.js";
import type { FolderOpening } from "./wire/fetch-lane.js";
import { imapString } from "./wire/wire-connection.js";

/** Opens source folders read-only, one at a time, without waiting: commands behind it are written at once. */
export class FolderOpener {
  readonly #connection: ImapConnection;
  #open: { name: string; uidValidity: number; opening: FolderOpening } | undefined;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
  }

  /** The folder for the command written next. Nothing is sent when it is the one opened last. */
  open(folder: SourceFolder): FolderOpening {
    const last = this.#open;
    if (last?.name === folder.name && last.uidValidity === folder.uidValidity && !last.opening.error)
      return last.opening;
    const command = `EXAMINE ${imapString(folder.name)}`;
    const opening: FolderOpening = {};
    this.#open = { name: folder.name, uidValidity: folder.uidValidity, opening };
    this.#connection.wire
      .run(command, {
        changesFolder: true,
        untagged: (text) => {
          const value = /^OK \[UIDVALIDITY (\d+)\]/i.exec(text)?.[1];
          if (value !== undefined && Number(value) !== folder.uidValidity)
            opening.error ??= renumbered(folder, Number(value));
          return value !== undefined;
        },
        tagged: (answer) => {
          if (answer.status === "OK") return;
          opening.error = this.#connection.refusal(answer, { verb: "EXAMINE", folder: folderPath(folder.levels) });
        },
      })
      .catch((error: MigrationError) => {
        opening.error ??= error;
      });
    return opening;
  }
}

function renumbered(folder: SourceFolder, now: number): MigrationError {
  const path = folderPath(folder.levels);
  return new MigrationError(
    "uidvalidity-changed",
    `${path} has UIDVALIDITY ${now}, not ${folder.uidValidity}: its UIDs are others now`,
    {
      folder: path,
    },
  );
}
