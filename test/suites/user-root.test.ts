import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openImapConnection } from "../../src/imap/imap-connection.js";
import { ImapSource } from "../../src/imap/imap-source.js";
import { readOctets } from "../../src/testing/fake-content.js";
import { ScriptedImapServer } from "../../src/testing/imap-server/scripted-imap-server.js";
import { sampleMessage } from "../../src/testing/sample-message.js";
import { type CourierOptions, type MailServer, startCourier, TERRY } from "../servers/mail-server.js";
import { connect, loginOf, RealMailboxes } from "./real-mailboxes.js";

const USER_ROOT = "/users/terry.adams";

const spellings: readonly { spelling: string; options: CourierOptions }[] = [
  { spelling: "#shared.users.terry adams", options: { mungeSharedNames: false } },
  { spelling: "#shared.users.terry\\:adams", options: { mungeSharedNames: true } },
  { spelling: "#shared.terry adams", options: { sharedGroup: false } },
];

describe.each(spellings)("on a Courier that shows the mailbox as $spelling", ({ spelling, options }) => {
  let server: MailServer;
  beforeAll(async () => {
    server = await startCourier(options);
    await new RealMailboxes(server).fill(TERRY, [
      { levels: ["INBOX"], messages: [sampleMessage("in the INBOX")] },
      { levels: ["Projects"], messages: [sampleMessage("a project"), sampleMessage("another")] },
      { levels: ["Projects", "2001"] },
    ]);
  });
  afterAll(() => server.stop());

  it("finds a user's INBOX and folders below UserRoot, and nobody else's", async () => {
    const source = new ImapSource(await connect(server, loginOf(server.admin)), USER_ROOT);
    const folders = await source.listFolders();
    expect(folders.map(({ name, levels, messages }) => [name, levels.join("/"), messages]).sort()).toEqual([
      [spelling, "INBOX", 1],
      [`${spelling}.Projects`, "Projects", 2],
      [`${spelling}.Projects.2001`, "Projects/2001", 0],
    ]);
    const projects = folders.find(({ levels }) => levels.join("/") === "Projects");
    const texts: string[] = [];
    if (projects) {
      for await (const { content } of source.fetch(projects, [1, 2])) {
        texts.push(Buffer.from(await readOctets(content)).toString());
      }
    }
    expect(texts.map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1])).toEqual(["a project", "another"]);
    await source.close();
  });

  it("rejects with `user-root-missing` for a mailbox that is not there, and for one that is a folder", async () => {
    const open = async (userRoot: string) => new ImapSource(await connect(server, loginOf(server.admin)), userRoot);
    for (const userRoot of ["/users/nobody.here", "/terry"]) {
      const source = await open(userRoot);
      await expect(source.listFolders()).rejects.toMatchObject({ code: "user-root-missing", scope: "user" });
      await source.close();
    }
  });

  it("shows the administrator none of these folders as its own", async () => {
    const source = new ImapSource(await connect(server, loginOf(server.admin)));
    expect((await source.listFolders()).map(({ name }) => name).filter((name) => /terry|shared/.test(name))).toEqual(
      [],
    );
    await source.close();
  });
});

describe("on a server with folders of others", () => {
  const ADMIN = { user: "mailadmin", password: "p4ssw0rd-of-admin" };
  let server: ScriptedImapServer;
  const open = async (folders: string[], userRoot?: string) => {
    server = await ScriptedImapServer.start({
      accounts: [{ ...ADMIN, folders }],
      delimiter: ".",
      namespace: '(("INBOX." ".")) (("user." ".")) (("#shared." "."))',
    });
    const { host, port } = server;
    return new ImapSource(await openImapConnection({ remoteServer: host, port, security: "None" }, ADMIN), userRoot);
  };
  const ended = async (source: ImapSource) => {
    await source.close();
    await server.close();
  };

  it("lists neither those of other users nor the shared ones as its own", async () => {
    const own = ["INBOX.Sent", "INBOX.user", "userlike"];
    const source = await open([...own, "user", "user.terry", "user.terry.Sent", "#shared", "#shared.All"]);
    expect((await source.listFolders()).map(({ name }) => name).sort()).toEqual(["INBOX", ...own].sort());
    await ended(source);
  });

  it("rejects a UserRoot that fits more than one mailbox, and names them", async () => {
    const source = await open(["#shared.users.terry adams", "#shared.terry adams"], USER_ROOT);
    await expect(source.listFolders()).rejects.toMatchObject({
      code: "user-root-missing",
      message: expect.stringMatching(/more than one mailbox: #shared\.users\.terry adams, #shared\.terry adams/),
    });
    await ended(source);
  });

  it("takes no folder of another user for the mailbox", async () => {
    const source = await open(["#shared.users.terry", "#shared.users.terry.adams", "#shared.terry.adams"], USER_ROOT);
    await expect(source.listFolders()).rejects.toMatchObject({ code: "user-root-missing" });
    await ended(source);
  });

  it("finds a user root with wildcards in its name, and only that", async () => {
    const source = await open(["#shared.users.t*", "#shared.users.terry", "#shared.users.t*.Sent"], "/users/t*");
    expect((await source.listFolders()).map(({ levels }) => levels.join("/"))).toEqual(["INBOX", "Sent"]);
    await ended(source);
  });
});
