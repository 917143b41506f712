import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SourceFolder } from "../../../src/mail/folder.js";
import { type SpecialUse, specialUseOf } from "../../../src/mail/special-use.js";
import { planProviderFolders } from "../../../src/providers/plan-provider-folders.js";
import { courier, dovecot, gmail } from "../../../src/providers/profiles.js";
import type { ProviderProfile } from "../../../src/providers/provider-profile.js";
import { type IdentifiedMessage, splitRest } from "../../../src/providers/split-rest.js";

const folder = (path: string, specialUse?: SpecialUse, selectable = true): SourceFolder => {
  const numbers = { uidValidity: 1, uidNext: 1, messages: 0 };
  return { name: path, levels: path.split("/"), selectable, ...numbers, ...(specialUse && { specialUse }) };
};

/** As Gmail lists them, in the language of the account (developers.google.com/workspace/gmail/imap/imap-extensions). */
const gmailFolders = [
  folder("Familie"),
  folder("INBOX"),
  folder("Projekte/2026"),
  folder("[Gmail]", undefined, false),
  folder("[Gmail]/Alle Nachrichten", "\\All"),
  folder("[Gmail]/Entwürfe", "\\Drafts"),
  folder("[Gmail]/Gesendet", "\\Sent"),
  folder("[Gmail]/Markiert", "\\Flagged"),
  folder("[Gmail]/Papierkorb", "\\Trash"),
  folder("[Gmail]/Spam", "\\Junk"),
  folder("[Gmail]/Wichtig", "\\Important"),
];

const oneCopy: ProviderProfile = { ...gmail, folders: { ...gmail.folders, labels: "one" } };
const read = (source: readonly SourceFolder[], profile: ProviderProfile) =>
  planProviderFolders(source, profile).folders.map(({ folder: { name }, copies }) => [name, copies]);

describe("planProviderFolders", () => {
  it("reads Gmail's own folders first, then the labels, and All Mail last, of which it copies the rest", () => {
    expect(read(gmailFolders, gmail)).toEqual([
      ["INBOX", "all"],
      ["[Gmail]/Entwürfe", "all"],
      ["[Gmail]/Gesendet", "all"],
      ["Familie", "all"],
      ["Projekte/2026", "all"],
      ["[Gmail]", "all"],
      ["[Gmail]/Spam", "all"],
      ["[Gmail]/Papierkorb", "all"],
      ["[Gmail]/Alle Nachrichten", "rest"],
    ]);
  });

  it("copies the rest from every folder where one copy is asked for: a label may be taken off between two passes", () => {
    expect(new Set(read(gmailFolders, oneCopy).map(([, copies]) => copies))).toEqual(new Set(["rest"]));
  });

  it("leaves out what is starred or important, and says what that loses", () => {
    const { excluded, warnings } = planProviderFolders(gmailFolders, gmail);
    expect(excluded.map(({ folder: { name }, reason }) => [name, reason])).toEqual([
      ["[Gmail]/Markiert", expect.stringMatching(/^Nothing is lost/)],
      ["[Gmail]/Wichtig", expect.stringMatching(/importance marker is lost/)],
    ]);
    expect(warnings).toEqual([]);
  });

  it("leaves nothing out and warns when All Mail is hidden from IMAP: a view may be the only place of a message", () => {
    const source = gmailFolders.filter(({ specialUse }) => specialUse !== "\\All");
    const { folders, excluded, warnings } = planProviderFolders(source, gmail);
    expect(excluded).toEqual([]);
    expect(folders.slice(-2).map(({ folder: { name }, copies }) => [name, copies])).toEqual([
      ["[Gmail]/Markiert", "rest"],
      ["[Gmail]/Wichtig", "rest"],
    ]);
    expect(warnings).toEqual([expect.stringMatching(/^Gmail does not show .* archived messages without a label/)]);
  });

  it("reads a server without labels as it is listed, without its searches over everything", () => {
    const source = [folder("Zebra"), folder("INBOX"), folder("virtual/All", "\\All"), folder("Sent", "\\Sent")];
    expect(read(source, dovecot)).toEqual([
      ["Zebra", "all"],
      ["INBOX", "all"],
      ["Sent", "all"],
    ]);
    expect(planProviderFolders(source, dovecot).excluded.map(({ folder: { name } }) => name)).toEqual(["virtual/All"]);
  });

  it("leaves nothing out by its name", () => {
    const source = [folder("All Mail"), folder("Starred"), folder("Important"), folder("[Gmail]/All Mail")];
    expect(read(source, courier).length).toBe(4);
    expect(read(source, gmail).length).toBe(4);
  });

  it("places every folder once, whatever the server lists", () => {
    const uses = ["\\All", "\\Flagged", "\\Important", "\\Sent", "\\Drafts", "\\Trash", "\\Junk", "\\Archive"] as const;
    const anyFolder = fc.record({ use: fc.option(fc.constantFrom(...uses)), selectable: fc.boolean() });
    fc.assert(
      fc.property(fc.array(anyFolder), fc.constantFrom(gmail, oneCopy, dovecot), (listed, profile) => {
        const source = listed.map(({ use, selectable }, at) => folder(`folder ${at}`, use ?? undefined, selectable));
        const { folders, excluded } = planProviderFolders(source, profile);
        const placed = [...folders, ...excluded].map((each) => each.folder.name);
        expect(placed.sort()).toEqual(source.map(({ name }) => name).sort());
      }),
    );
  });

  it("knows Gmail's Important by its attribute (RFC 8457)", () => {
    expect(specialUseOf(["\\HasNoChildren", "\\IMPORTANT"])).toBe("\\Important");
  });
});

describe("splitRest", () => {
  it("copies what has no id, since nobody can tell whether another folder holds it", () => {
    const known: IdentifiedMessage = { emailId: "17" };
    const unknown: IdentifiedMessage = {};
    expect(splitRest([known, unknown], new Set(["17"]))).toEqual({ rest: [unknown], held: [known] });
  });
});

/** A Gmail account: message numbers and the folders that show each; All Mail shows them all. */
const account = fc
  .array(fc.uniqueArray(fc.constantFrom(...gmailFolders.filter(({ specialUse }) => !isView(specialUse)))), {
    maxLength: 12,
  })
  .map((shown) => shown.map((folders, at) => ({ emailId: String(at), folders: new Set<SourceFolder>(folders) })));

function isView(use: SpecialUse | undefined): boolean {
  return use === "\\Flagged" || use === "\\Important" || use === "\\All";
}

/** Reads the folders in the order of the plan; `fails` says which copies do not come off. Gives the copies by message. */
function migrate(
  messages: readonly { readonly emailId: string; readonly folders: ReadonlySet<SourceFolder> }[],
  profile: ProviderProfile,
  fails: (emailId: string) => boolean = () => false,
): Map<string, string[]> {
  const copies = new Map<string, string[]>(messages.map(({ emailId }) => [emailId, []]));
  const held = new Set<string>();
  for (const { folder: each, copies: part } of planProviderFolders(gmailFolders, profile).folders) {
    if (!each.selectable) continue;
    const shown = messages.filter(({ folders }) => each.specialUse === "\\All" || folders.has(each));
    const { rest } = splitRest(shown, part === "rest" ? held : new Set());
    const stored = rest.filter(({ emailId }) => !fails(emailId));
    for (const { emailId } of stored) copies.get(emailId)?.push(each.name);
    for (const { emailId } of stored) held.add(emailId);
  }
  return copies;
}

describe("A Gmail mailbox read by its plan", () => {
  const selectable = ({ selectable: can }: SourceFolder) => can;

  it("gives a copy in each label, and one of what has none in All Mail", () => {
    fc.assert(
      fc.property(account, (messages) => {
        const copies = migrate(messages, gmail);
        for (const { emailId, folders } of messages) {
          const labels = [...folders].filter(selectable).map(({ name }) => name);
          expect(copies.get(emailId)?.sort()).toEqual(labels.length > 0 ? labels.sort() : ["[Gmail]/Alle Nachrichten"]);
        }
      }),
    );
  });

  it("gives exactly one copy of each message where one is asked for", () => {
    fc.assert(
      fc.property(account, (messages) => {
        expect([...migrate(messages, oneCopy).values()].filter(({ length }) => length !== 1)).toEqual([]);
      }),
    );
  });

  it("tries a message whose copy failed again in the next folder that shows it, and loses none that All Mail can copy", () => {
    fc.assert(
      fc.property(
        account,
        fc.constantFrom(gmail, oneCopy),
        fc.infiniteStream(fc.boolean()),
        (messages, profile, luck) => {
          const tries = new Map<string, number>();
          const copies = migrate(messages, profile, (emailId) => {
            const attempt = (tries.get(emailId) ?? 0) + 1;
            tries.set(emailId, attempt);
            const { folders } = messages[Number(emailId)] ?? { folders: new Set<SourceFolder>() };
            const isLast = attempt > [...folders].filter(selectable).length;
            return !isLast && luck.next().value === true;
          });
          expect([...copies.values()].filter(({ length }) => length === 0)).toEqual([]);
        },
      ),
    );
  });
});
