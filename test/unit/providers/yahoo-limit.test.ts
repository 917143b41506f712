import { afterEach, expect, it } from "vitest";
import { openImapConnection } from "../../../src/imap/imap-connection.js";
import { ImapSource } from "../../../src/imap/imap-source.js";
import { defaultCapabilities } from "../../../src/testing/imap-server/capabilities.js";
import { ScriptedImapServer } from "../../../src/testing/imap-server/scripted-imap-server.js";

const LIMIT = 1_000;
const MESSAGES = 4_500;
const login = { user: "terry", password: "app-password-of-terry" };

let server: ScriptedImapServer;

afterEach(() => server.close());

/** A server with Yahoo's limit, and a folder that is far above it, with gaps between the UIDs. */
async function openSource(): Promise<ImapSource> {
  server = await ScriptedImapServer.start({
    capabilities: (state) => [...defaultCapabilities(state), `MESSAGELIMIT=${LIMIT}`],
    accounts: [login],
  });
  const inbox = server.account("terry").folder("INBOX");
  for (let number = 1; number <= MESSAGES; number++) {
    inbox.addMessage({ uid: number * 3, octets: `Subject: ${number}\r\n\r\n` });
  }
  const { host, port } = server;
  return new ImapSource(await openImapConnection({ remoteServer: host, port, security: "None" }, login));
}

it("A server that takes 1,000 messages at a time gives every message of a folder of 4,500", async () => {
  const source = await openSource();
  const [inbox] = await source.listFolders();
  if (!inbox) throw new Error("the account has no INBOX");
  const uids: number[] = [];
  for await (const { uid } of source.listMessages(inbox)) uids.push(uid);
  expect(uids).toEqual(Array.from({ length: MESSAGES }, (_, at) => (at + 1) * 3));
  const listings = server.commands("UID FETCH").length;
  expect(listings).toBe(Math.ceil(MESSAGES / LIMIT));
  const fetched: number[] = [];
  for await (const { uid, content } of source.fetch(inbox, uids)) {
    let octets = 0;
    for await (const chunk of content) octets += chunk.length;
    expect(octets).toBe(`Subject: ${uid / 3}\r\n\r\n`.length);
    fetched.push(uid);
  }
  expect(fetched).toEqual(uids);
  const answers = server.transcript.filter(({ line }) => / OK .*Fetch completed/.test(line)).slice(listings);
  expect(answers.filter(({ line }) => line.includes("[MESSAGELIMIT"))).toEqual([]);
  await source.close();
});
