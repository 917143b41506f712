import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ImapTarget } from "../../src/imap/imap-target.js";
import { fakeMessage } from "../../src/testing/fake-content.js";
import { rawMessage } from "../../src/testing/sample-message.js";
import { type MailServer, startCourier, startDovecot } from "../servers/mail-server.js";
import { caseAccounts, connect, loginOf, planFor } from "../suites/real-mailboxes.js";
import { FolderFixture } from "../unit/engine/folder-run-fixture.js";

/** What servers change when they store it. */
const messages = {
  "a CR without LF in its body": rawMessage("Subject: body\r\n\r\none\rtwo\r\n"),
  "a CR without LF in its header": rawMessage("Subject: he\rader\r\nTo: a@x\r\r\n\r\ntext\r\n"),
  "LFs without CR": rawMessage("Subject: lines\n\none\ntwo\n"),
  "LFs without CR in its body alone": rawMessage("Subject: some\r\n\r\none\ntwo\nthree"),
  "no line end at its end": rawMessage("Subject: end\r\n\r\ntext"),
  "all of that": rawMessage("Subject: all\r\n\r\none\rtwo\nthree\r"),
};

describe.each([
  ["Courier", startCourier],
  ["Dovecot", startDovecot],
] as const)("R2 a message in doubt on %s", (_, start) => {
  let server: MailServer;
  let used = 0;
  beforeAll(async () => {
    server = await start({ users: caseAccounts });
  });
  afterAll(() => server.stop());

  it.each(Object.entries(messages))("that has %s is found, and not sent again", async (_title, message) => {
    const account = caseAccounts[used++];
    if (!account) throw new Error("there are more cases than accounts");
    const open = async () => new ImapTarget(await connect(server, loginOf(account)));
    const fixture = new FolderFixture([message]);
    const died = await open();
    const inbox = await died.ensureFolder(planFor(["INBOX"]));
    const journal = await fixture.journal();
    const { octets, internalDate } = message;
    await journal.begin([{ uid: 1, size: octets.length, internalDate: internalDate.getTime() }], inbox);
    await died.append(inbox, fakeMessage(1, message));
    await died.close();
    const target = await open();
    expect(await fixture.copy({ target })).toMatchObject({ found: 1, alreadyThere: 1, copied: 0 });
    await target.close();
  });
});
