import { describe, expect, it } from "vitest";
import type { FakeFolder } from "../../../../src/testing/fake-mailbox.js";
import { sampleMessage } from "../../../../src/testing/sample-message.js";
import { BATCH } from "../../../../src/testing/store-fixtures.js";
import { inbox, Mailbox, messages } from "../mailbox-fixture.js";

const mail = (number: number, day = number) =>
  sampleMessage(`Message ${number}`, {
    body: `${"x".repeat(number)}\r\n`,
    internalDate: new Date(Date.UTC(2015, 0, day)),
  });

/** What a server does that is restored from a backup: the messages from `uid` on are gone, and their UIDs are free. */
function restore(folder: FakeFolder, uid: number): void {
  for (const message of folder.messages) if (message.uid >= uid) folder.expunge(message.uid);
  folder.uidNext = uid;
  folder.highestModSeq = 1n;
}

async function synced(count = 5): Promise<{ mailbox: Mailbox; folder: FakeFolder }> {
  const numbers = Array.from({ length: count }, (_, at) => mail(at + 1));
  const mailbox = new Mailbox([{ levels: ["INBOX"], messages: numbers }]);
  await mailbox.migrate();
  return { mailbox, folder: mailbox.source.folder("INBOX") };
}

const subjects = (folder: FakeFolder) =>
  folder.messages.map(({ octets }) => /Subject: (.*)/.exec(Buffer.from(octets).toString())?.[1]).sort();

describe("R1 UIDs that a server gives out again under the same UIDVALIDITY", () => {
  it("hide no new message, when the server has fewer than before", async () => {
    const { mailbox, folder } = await synced();
    restore(folder, 4);
    folder.add(mail(40));
    await mailbox.migrate();
    expect(subjects(mailbox.target.folder("INBOX"))).toEqual(subjects(folder).concat("Message 4", "Message 5").sort());
  });

  it("hide no new message, when it has as many as before", async () => {
    const { mailbox, folder } = await synced();
    restore(folder, 4);
    for (const number of [40, 50]) folder.add(mail(number));
    await mailbox.migrate();
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(7);
  });

  it("hide no new message, when it has more than before", async () => {
    const { mailbox, folder } = await synced();
    restore(folder, 4);
    for (const number of [40, 50, 60]) folder.add(mail(number));
    await mailbox.migrate();
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(8);
    const pages = await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com");
    expect(pages.map(({ uidValidity, books }) => [Math.sign(uidValidity), books.found])).toEqual([
      [-1, 5],
      [1, 6],
    ]);
  });

  it("double nothing, and the next pass is quiet again (R17)", async () => {
    const { mailbox, folder } = await synced();
    restore(folder, 4);
    for (const number of [40, 50, 60]) folder.add(mail(number));
    await mailbox.migrate();
    mailbox.targetCalls.length = 0;
    await mailbox.migrate();
    expect(mailbox.targetCalls).toEqual([]);
  });

  it("are not suspected where a server serves the same messages in another size", async () => {
    const { mailbox, folder } = await synced();
    const same = folder.messages.map((message) => ({ ...message, claimedSize: message.octets.length + 7 }));
    restore(folder, 1);
    for (const message of same) folder.add(message);
    folder.add(mail(6));
    await mailbox.migrate();
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(6);
    expect(await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com")).toHaveLength(1);
  });

  it("are not suspected where a server tells a UIDNEXT that is too low", async () => {
    const { mailbox, folder } = await synced();
    folder.uidNext = 2;
    mailbox.targetCalls.length = 0;
    await mailbox.migrate();
    expect(mailbox.targetCalls.filter(({ call }) => call === "append")).toEqual([]);
    expect(await mailbox.store.listFolders(BATCH, "terry.adams@contoso.com")).toHaveLength(1);
  });

  it("stay unnoticed while every number is the one of the last pass: that is not promised", async () => {
    const { mailbox, folder } = await synced();
    const { highestModSeq } = folder;
    restore(folder, 5);
    folder.add(mail(40));
    folder.highestModSeq = highestModSeq;
    await mailbox.migrate();
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(5);
  });

  it("stay unnoticed where all of the newest 16 have their old sizes: that is not promised", async () => {
    const { mailbox, folder } = await synced();
    folder.expunge(5);
    folder.uidNext = 5;
    folder.add(mail(5, 28));
    folder.uidNext = 6;
    await mailbox.migrate();
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(5);
  });

  it("R15 of a folder that cannot be read fail that folder alone", async () => {
    const mailbox = new Mailbox(inbox({ levels: ["Other"], messages }), [
      { on: "listMessages", folder: "Other", nth: 2, do: { throw: "access-denied" } },
      { on: "listMessages", folder: "Other", nth: 3, do: { throw: "access-denied" } },
    ]);
    await mailbox.migrate();
    for (const path of ["INBOX", "Other"]) mailbox.source.folder(path).add(sampleMessage("New"));
    await expect(mailbox.migrate()).rejects.toMatchObject({ code: "access-denied" });
    expect(mailbox.target.folder("INBOX").messages).toHaveLength(4);
  });
});
