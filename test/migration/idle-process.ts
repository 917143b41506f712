import { memoryStore } from "../../src/index.js";
import { BatchOffice } from "./batch-office.js";

// A process with nothing but one batch that is Synced. Prints how many timers keep it alive, and lets go.
const keepAlive = process.argv[2] === "keepAlive";
const office = new BatchOffice({ store: memoryStore() });
const batch = office.batch("IMAPBatch1", office.add("user", 1), { keepAlive });
await batch.start();
await new Promise(setImmediate);
process.stdout.write(`${process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length}`);
await batch.close();
