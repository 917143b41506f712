import { describe, expect, it } from "vitest";
import { GRAPH, GraphClient, type GraphJson, simulate } from "./simulated-tenant.js";

const names = (json: GraphJson): string[] => json.value.map((folder) => folder.displayName);

describe("Simulated mail folders", () => {
  it("are found by their well-known names, whatever the language", async () => {
    simulate();
    const client = await GraphClient.signedIn();
    const sent = await client.get(`${GRAPH}/v1.0/users/ulrike@contoso.com/mailFolders/sentitems`);
    expect(sent.json).toMatchObject({ displayName: "Gesendete Elemente", totalItemCount: 0 });
    expect(sent.json).not.toHaveProperty("wellKnownName");
    const beta = await client.get(`${GRAPH}/beta/users/ulrike@contoso.com/mailFolders/${sent.json.id}`);
    expect(beta.json).toMatchObject({ id: sent.json.id, wellKnownName: "sentitems" });
  });

  it("are listed ten to a page with a link to the next, and hidden ones only on request", async () => {
    const simulator = simulate();
    for (let each = 0; each < 13; each++) simulator.mailbox("terry@contoso.com").addFolder(`Folder ${each}`);
    const client = await GraphClient.signedIn();
    const first = await client.get("/mailFolders");
    expect(names(first.json)).toHaveLength(10);
    const second = await client.get(first.json["@odata.nextLink"]);
    expect(names(second.json)).toHaveLength(10);
    const third = await client.get(second.json["@odata.nextLink"]);
    expect(third.json).not.toHaveProperty("@odata.nextLink");
    const all = [first, second, third].flatMap(({ json }) => names(json));
    expect(new Set(all).size).toBe(21); // 8 well-known ones and 13
    const hidden = await client.get("/mailFolders?$top=100&includeHiddenFolders=true");
    expect(names(hidden.json).filter((name) => !all.includes(name))).toEqual(["Sync Issues"]);
  });

  it("are made below a parent; a name in use, hidden or in another case, is answered with 409", async () => {
    const simulator = simulate();
    const client = await GraphClient.signedIn();
    const work = await client.post("/mailFolders", { displayName: "Work" });
    expect(work.status).toBe(201);
    const path = `/mailFolders/${work.json.id}/childFolders`;
    expect((await client.post(path, { displayName: "2024", isHidden: true })).status).toBe(201);
    expect(names((await client.get(path)).json)).toEqual([]);
    const answers = await Promise.all([
      client.post("/mailFolders", { displayName: "WORK" }),
      client.post("/mailFolders", { displayName: "sync issues" }),
      client.post(path, { displayName: "2024" }),
    ]);
    expect(answers.map(({ status, json }) => [status, json.error.code])).toEqual(
      Array(3).fill([409, "ErrorFolderExists"]),
    );
    expect(simulator.mailbox("terry@contoso.com").folder("Work", "2024").levels).toEqual(["Work", "2024"]);
  });

  it("answer 404 for an id that is none", async () => {
    simulate();
    const { status, json } = await (await GraphClient.signedIn()).get("/mailFolders/AAMkNone/childFolders");
    expect([status, json.error]).toMatchObject([404, { code: "ErrorItemNotFound" }]);
  });
});
