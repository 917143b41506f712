import { MigrationError } from "../errors.js";
import type { ImapConnection } from "./imap-connection.js";
import type { FolderOpening } from "./wire/fetch-lane.js";
import { imapString } from "./wire/wire-connection.js";

/** What opening a folder needs to know of it. */
export interface FolderToOpen {
  /** Its raw name. */
  readonly name: string;
  /** As people read it. */
  readonly path: string;
  /** What its UIDVALIDITY must be; 0 where the server keeps none. */
  readonly uidValidity: number;
}

/** Opens folders read-only, one at a time, without waiting: commands behind it are written at once. */
export class FolderOpener {
  readonly #connection: ImapConnection;
  #open: { name: string; uidValidity: number; opening: FolderOpening } | undefined;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
  }

  /** The folder for the command written next. Nothing is sent when it is the one opened last. */
  open(folder: FolderToOpen): FolderOpening {
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
          opening.error = this.#connection.refusal(answer, { verb: "EXAMINE", folder: folder.path });
        },
      })
      .catch((error: MigrationError) => {
        opening.error ??= error;
      });
    return opening;
  }
}

function renumbered({ path, uidValidity }: FolderToOpen, now: number): MigrationError {
  const text = `${path} has UIDVALIDITY ${now}, not ${uidValidity}: its UIDs are others now`;
  return new MigrationError("uidvalidity-changed", text, { folder: path });
}
