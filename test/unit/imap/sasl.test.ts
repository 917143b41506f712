import { expect, it } from "vitest";
import { signInCommand } from "../../../src/imap/sasl.js";

const SERVER = { remoteServer: "imap.contoso.com", port: 993 };

it("OAUTHBEARER names a user with , or = as RFC 5801 section 4 wants it", () => {
  const login = { user: "terry=adams,jr@contoso.com", accessToken: "t0ken" };
  const command = signInCommand(login, new Set(["AUTH=OAUTHBEARER"]), SERVER);
  const response = Buffer.from(command?.lines[1] ?? "", "base64").toString();
  expect(response).toBe(
    "n,a=terry=3Dadams=2Cjr@contoso.com,\x01host=imap.contoso.com\x01port=993\x01auth=Bearer t0ken\x01\x01",
  );
});
