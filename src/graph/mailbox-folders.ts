import { MigrationError } from "../errors.js";
import { exchangeFolderNames } from "../exchange-folder-names.js";
import { type FolderPlan, folderPath, type ListedFolder, type TargetFolder } from "../mail/folder.js";
import { foldLevel } from "../mail/folder-pattern.js";
import type { SpecialUse } from "../mail/special-use.js";
import type { GraphClient } from "./graph-client.js";
import { graphError } from "./graph-errors.js";
import { numberOf, record, textOf } from "./graph-json.js";
import { itemsOfPages } from "./graph-pages.js";
import { Turns } from "./turns.js";

/** Names that stand for folders in every language (learn.microsoft.com/graph/api/resources/mailfolder). */
const WELL_KNOWN: readonly (readonly [string, SpecialUse | "INBOX"])[] = [
  ["inbox", "INBOX"],
  ["sentitems", "\\Sent"],
  ["drafts", "\\Drafts"],
  ["deleteditems", "\\Trash"],
  ["junkemail", "\\Junk"],
  ["archive", "\\Archive"],
];
const SELECT = "$select=id,displayName,childFolderCount,totalItemCount,isHidden";

interface GraphFolder {
  readonly id: string;
  readonly levels: readonly string[];
  readonly children: number;
  readonly isHidden: boolean;
  readonly specialUse?: SpecialUse;
}

/** The folders of one mailbox, by their levels. Names that differ only in case are one. */
export class MailboxFolders {
  readonly #client: GraphClient;
  /** `/users/...` */
  readonly #mailbox: string;
  readonly #known = new Map<string, GraphFolder>();
  /** Two folders that share a level must not both make it. */
  readonly #oneAtATime = new Turns(1);
  /** What was listed when the mailbox was opened, for the first who asks. */
  #firstListing: ListedFolder[] | undefined;

  constructor(client: GraphClient, mailbox: string) {
    this.#client = client;
    this.#mailbox = mailbox;
  }

  /**
   * Lists for the first time, which proves that the mailbox is there.
   * @throws MigrationError `target-missing`, `server-unavailable`, `access-denied`
   */
  async open(signal: AbortSignal): Promise<void> {
    this.#firstListing = await this.#list(signal);
  }

  /** Names at the top that hidden folders have. */
  get hiddenNames(): string[] {
    return [...this.#known.values()].flatMap(({ levels, isHidden }) => {
      return isHidden && levels.length === 1 ? levels : [];
    });
  }

  /** Hidden folders are listed too, as such that hold no mail: their names are taken. */
  async list(signal: AbortSignal): Promise<ListedFolder[]> {
    const first = this.#firstListing;
    this.#firstListing = undefined;
    return first ?? (await this.#list(signal));
  }

  async #list(signal: AbortSignal): Promise<ListedFolder[]> {
    const uses = await this.#wellKnown(signal);
    const folders: GraphFolder[] = [];
    await this.#listBelow(undefined, { uses, folders, signal });
    this.#known.clear();
    // Of two that are one by name, the first keeps it.
    for (const folder of folders.reverse()) this.#known.set(keyOf(folder.levels), folder);
    return folders.reverse().map(({ id, levels, isHidden, specialUse }) => ({
      ...{ name: id, levels, selectable: !isHidden },
      ...(specialUse && { specialUse }),
    }));
  }

  /** @throws MigrationError `folder-name` where the name is refused, or belongs to a hidden folder */
  ensure({ target, refusal }: FolderPlan, signal: AbortSignal): Promise<TargetFolder> {
    const path = folderPath(target);
    if (refusal !== undefined) throw new MigrationError("folder-name", refusal, { folder: path });
    return this.#oneAtATime.take(signal, async () => {
      let folder: GraphFolder | undefined;
      for (let depth = 1; depth <= target.length; depth++) {
        folder = await this.#take(target.slice(0, depth), folder, signal);
      }
      if (!folder) throw new MigrationError("folder-name", "The folder has no name", { folder: path });
      const query = `${this.#mailbox}/mailFolders/${encodeURIComponent(folder.id)}?${SELECT}`;
      const answer = await this.#client.send({ method: "GET", path: query }, { signal });
      if (answer.status !== 200) throw graphError(answer, { doing: "folder", folder: path });
      return { name: folder.id, path, uidValidity: 0, uidNext: 0, messages: numberOf(answer.json, "totalItemCount") };
    });
  }

  /** The folder that is there, or a new one. */
  async #take(levels: readonly string[], parent: GraphFolder | undefined, signal: AbortSignal): Promise<GraphFolder> {
    const there = this.#known.get(keyOf(levels)) ?? (await this.#create(levels, parent, signal));
    this.#known.set(keyOf(levels), there);
    if (!there.isHidden) return there;
    const folder = folderPath(levels);
    throw new MigrationError("folder-name", `${folder} is a hidden folder there: nobody would see what is in it`, {
      folder,
    });
  }

  async #create(levels: readonly string[], parent: GraphFolder | undefined, signal: AbortSignal): Promise<GraphFolder> {
    const path = this.#childrenPath(parent);
    const json = JSON.stringify({ displayName: levels.at(-1), isHidden: false });
    const answer = await this.#client.send({ method: "POST", path, json }, { signal });
    if (answer.status === 201) return readFolder(answer.json, levels.slice(0, -1), new Map());
    const refused = graphError(answer, { doing: "folder", folder: folderPath(levels) });
    if (answer.status !== 409) throw refused;
    const below = await this.#listPages(parent, { uses: new Map(), folders: [], signal });
    const there = below.find((folder) => keyOf(folder.levels) === keyOf(levels));
    if (there) return there;
    throw new MigrationError("folder-name", refused.message, { folder: folderPath(levels) });
  }

  async #listBelow(parent: GraphFolder | undefined, where: Listing): Promise<void> {
    if ((parent?.levels.length ?? 0) >= exchangeFolderNames.maxLevels) return; // a ring in the answers must end somewhere
    for (const folder of await this.#listPages(parent, where)) {
      if (folder.children > 0) await this.#listBelow(folder, where);
    }
  }

  /** The folders right below one; they are added to the listing. */
  async #listPages(parent: GraphFolder | undefined, { uses, folders, signal }: Listing): Promise<GraphFolder[]> {
    const added: GraphFolder[] = [];
    const path = `${this.#childrenPath(parent)}?$top=100&includeHiddenFolders=true&${SELECT}`;
    for await (const folder of itemsOfPages(this.#client, path, { doing: "list", signal })) {
      added.push(readFolder(folder, parent?.levels ?? [], uses));
    }
    folders.push(...added);
    return added;
  }

  async #wellKnown(signal: AbortSignal): Promise<Map<string, SpecialUse | "INBOX">> {
    const uses = new Map<string, SpecialUse | "INBOX">();
    const ask = async ([name, use]: (typeof WELL_KNOWN)[number]): Promise<void> => {
      const path = `${this.#mailbox}/mailFolders/${name}?$select=id`;
      const answer = await this.#client.send({ method: "GET", path }, { signal });
      // A mailbox may be without some of them.
      if (answer.status === 404 && use !== "INBOX") return;
      if (answer.status !== 200) throw graphError(answer, { doing: use === "INBOX" ? "open" : "list" });
      uses.set(textOf(answer.json, "id"), use);
    };
    await Promise.all(WELL_KNOWN.map(ask));
    return uses;
  }

  #childrenPath(parent: GraphFolder | undefined): string {
    const folders = `${this.#mailbox}/mailFolders`;
    return parent ? `${folders}/${encodeURIComponent(parent.id)}/childFolders` : folders;
  }
}

interface Listing {
  readonly uses: ReadonlyMap<string, SpecialUse | "INBOX">;
  readonly folders: GraphFolder[];
  readonly signal: AbortSignal;
}

function readFolder(
  json: unknown,
  above: readonly string[],
  uses: ReadonlyMap<string, SpecialUse | "INBOX">,
): GraphFolder {
  const id = textOf(json, "id");
  if (id === "") throw new MigrationError("protocol-error", "Graph listed a folder without an id");
  const use = uses.get(id);
  return {
    id,
    levels: use === "INBOX" ? ["INBOX"] : [...above, textOf(json, "displayName")],
    children: numberOf(json, "childFolderCount"),
    isHidden: record(json)["isHidden"] === true,
    ...(use !== undefined && use !== "INBOX" && { specialUse: use }),
  };
}

function keyOf(levels: readonly string[]): string {
  return JSON.stringify(levels.map(foldLevel));
}
