import { describe, expect, it } from "vitest";
import type { Flag } from "../../../src/mail/flags.js";
import type { MailTarget } from "../../../src/mail/mail-target.js";
import type { FakeFault } from "../../../src/testing/fake-faults.js";
import type { FakeFolder } from "../../../src/testing/fake-mailbox.js";
import { openFakeSource } from "../../../src/testing/fake-source.js";
import { openFakeTarget } from "../../../src/testing/fake-target.js";
import { intercepting } from "../../recovery/world.js";
import { inbox, Mailbox } from "./mailbox-fixture.js";

const followsFlags = true;

function flagsOf({ messages }: FakeFolder): Flag[][] {
  return messages.map(({ flags }) => [...flags].sort());
}

function set(folder: FakeFolder, uid: number, ...flags: Flag[]): void {
  folder.setFlags(uid, flags);
}

/** The same target with no more than the interface asks for. */
function withoutFlagUpdates(target: MailTarget): MailTarget {
  return {
    capabilities: target.capabilities,
    listFolders: (options) => target.listFolders(options),
    ensureFolder: (plan, options) => target.ensureFolder(plan, options),
    append: (folder, message, options) => target.append(folder, message, options),
    find: (folder, heads, options) => target.find(folder, heads, options),
    close: () => target.close(),
  };
}

/** A mailbox of three messages without flags, after its first pass. */
async function migrated(faults: readonly FakeFault[] = []) {
  const pair = new Mailbox(
    inbox().map((folder) => ({
      ...folder,
      messages: (folder.messages ?? []).map((message) => ({ ...message, flags: new Set<Flag>() })),
    })),
    faults,
  );
  await pair.migrate({ followsFlags });
  return { pair, source: pair.source.folder("INBOX"), target: pair.target.folder("INBOX") };
}

describe("flags that the source changes after a message was copied", () => {
  it("are set and cleared at the target by the next pass", async () => {
    const { pair, source, target } = await migrated();
    set(source, 1, "\\Seen", "\\Flagged", "$Forwarded");
    set(source, 2, "\\Answered");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)).toEqual([["$Forwarded", "\\Flagged", "\\Seen"], ["\\Answered"], []]);
    set(source, 1, "\\Flagged");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)).toEqual([["\\Flagged"], ["\\Answered"], []]);
  });

  it("stay as they were copied unless that is asked for", async () => {
    const { pair, source, target } = await migrated();
    set(source, 1, "\\Seen");
    pair.targetCalls.length = 0;
    await pair.migrate();
    expect(pair.targetCalls).toEqual([]);
    expect(flagsOf(target)[0]).toEqual([]);
  });

  it("never take back what the user has changed at the target", async () => {
    const { pair, source, target } = await migrated();
    set(target, 1, "\\Flagged", "Rot");
    set(source, 1, "\\Seen");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[0]).toEqual(["Rot", "\\Flagged", "\\Seen"]);
    set(target, 1, "Rot");
    set(source, 1, "\\Seen", "\\Answered");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[0]).toEqual(["Rot", "\\Answered"]);
  });

  it("R5 never delete: \\Deleted is not carried over, nor is an expunge", async () => {
    const { pair, source, target } = await migrated();
    set(source, 1, "\\Deleted", "\\Recent");
    source.expunge(2);
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)).toEqual([[], [], []]);
  });

  it("are left out where the target takes no such keyword", async () => {
    const { pair, source, target } = await migrated();
    set(source, 1, "\\Seen", "projekt-x");
    const permanentFlags = new Set(["\\Seen"]);
    await pair.migrate({ followsFlags, openTarget: () => openFakeTarget(pair.target, { permanentFlags }) });
    expect(flagsOf(target)[0]).toEqual(["\\Seen"]);
  });

  it("are carried to the copy of a message that was moved, wherever that stands", async () => {
    const { pair, source, target } = await migrated();
    const archive = pair.source.addFolder({ levels: ["Archive"] });
    const message = source.message(1);
    if (!message) throw new Error("the message is there");
    source.expunge(1);
    const uid = archive.add({ ...message, flags: new Set(["\\Seen"]) });
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[0]).toEqual(["\\Seen"]);
    set(archive, uid, "\\Seen", "\\Flagged");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[0]).toEqual(["\\Flagged", "\\Seen"]);
    expect(pair.target.folder("Archive").messages).toEqual([]);
  });

  it("are known from the pass on that first follows them", async () => {
    const pair = new Mailbox(inbox());
    await pair.migrate();
    const before = flagsOf(pair.target.folder("INBOX"));
    set(pair.source.folder("INBOX"), 1, "\\Draft");
    await pair.migrate({ followsFlags });
    expect(flagsOf(pair.target.folder("INBOX"))).toEqual(before);
    set(pair.source.folder("INBOX"), 1, "\\Draft", "\\Answered");
    await pair.migrate({ followsFlags });
    expect(flagsOf(pair.target.folder("INBOX"))[0]).toEqual([...(before[0] ?? []), "\\Answered"].sort());
  });

  it("are found without CONDSTORE too, in a folder of many messages", async () => {
    const { pair, source, target } = await migrated();
    const openSource = () => openFakeSource(pair.source, { condstore: false });
    await pair.migrate({ followsFlags, openSource });
    source.uidNext = 20_000;
    source.add({ octets: Buffer.from("Subject: far away\r\n\r\n"), flags: new Set(), internalDate: new Date(0) });
    await pair.migrate({ followsFlags, openSource });
    set(source, 3, "\\Seen");
    set(source, 20_000, "\\Flagged");
    await pair.migrate({ followsFlags, openSource });
    expect(flagsOf(target)).toEqual([[], [], ["\\Seen"], ["\\Flagged"]]);
  });

  it("are refused with option-invalid where the target cannot change flags", async () => {
    const { pair, source } = await migrated();
    set(source, 1, "\\Seen");
    const openTarget = async () => withoutFlagUpdates(await openFakeTarget(pair.target));
    await expect(pair.migrate({ followsFlags, openTarget })).rejects.toMatchObject({ code: "option-invalid" });
  });
});

describe("a pass that follows flags", () => {
  it("R17 asks nothing more of a mailbox in which nothing has changed", async () => {
    const { pair } = await migrated();
    pair.sourceCalls.length = 0;
    pair.targetCalls.length = 0;
    await pair.migrate({ followsFlags });
    expect(pair.sourceCalls.map(({ call }) => call)).toEqual(["open", "listFolders", "close"]);
    expect(pair.targetCalls).toEqual([]);
  });

  it("changes flags again after a crash, even where the source has changed them back", async () => {
    const { pair, source, target } = await migrated();
    set(source, 1, "\\Seen");
    const dying = intercepting(pair.store, {
      openJournal: async (lease, folder) => {
        const journal = await pair.store.openJournal(lease, folder);
        return intercepting(journal, {
          keepFlags: async (flags) => {
            if (target.message(1)?.flags.has("\\Seen")) throw new Error("the process dies");
            await journal.keepFlags?.(flags);
          },
        });
      },
    });
    await expect(pair.migrate({ followsFlags, store: dying })).rejects.toThrow();
    expect(flagsOf(target)[0]).toEqual(["\\Seen"]);
    set(source, 1);
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[0]).toEqual([]);
  });

  it("R12 goes on where the connection was lost between the flags of two folders", async () => {
    const { pair, source, target } = await migrated([{ on: "updateFlags", nth: 1, do: { throw: "connection-lost" } }]);
    set(source, 2, "\\Seen");
    await pair.migrate({ followsFlags });
    expect(flagsOf(target)[1]).toEqual(["\\Seen"]);
  });
});
