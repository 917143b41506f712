import type { SourceFolder } from "../../mail/folder.js";
import { type ProviderFolderPlan, planProviderFolders } from "../../providers/plan-provider-folders.js";
import type { ProviderProfile } from "../../providers/provider-profile.js";
import { pageKey } from "./gone-pages.js";

/** Every folder whole and as it is listed, where no profile says otherwise. */
export function readingOrder(
  listed: readonly SourceFolder[],
  provider: ProviderProfile | undefined,
): ProviderFolderPlan {
  if (provider) return planProviderFolders(listed, provider);
  return { folders: listed.map((folder) => ({ folder, copies: "all" })), excluded: [], warnings: [] };
}

/**
 * The folders of the source. Where one that copies the rest has something new, all others are listed once more: whatever it
 * holds below its UIDNEXT has arrived in them by then, and is not taken for archived while their own copy is still to come.
 */
export async function listForReading(
  list: () => Promise<SourceFolder[]>,
  provider: ProviderProfile | undefined,
  hasChanged: (folder: SourceFolder) => boolean,
): Promise<SourceFolder[]> {
  const first = await list();
  const rest = readingOrder(first, provider).folders.flatMap(({ folder, copies }) => (copies === "rest" ? folder : []));
  if (!rest.some(hasChanged)) return first;
  const kept = new Map(rest.map((folder) => [pageKey(folder), folder]));
  return (await list()).map((folder) => kept.get(pageKey(folder)) ?? folder);
}

/** What may be read at the same time, in this order. Who copies the rest has to know what became of all before it. */
export function readingStages<Item>(items: readonly Item[], copiesRest: (item: Item) => boolean): Item[][] {
  const stages: Item[][] = [];
  let isOpen = false;
  for (const item of items) {
    const isRest = copiesRest(item);
    if (isOpen && !isRest) stages.at(-1)?.push(item);
    else stages.push([item]);
    isOpen = !isRest;
  }
  return stages;
}
