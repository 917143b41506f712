import { describe, it } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.js";
import { storeCases } from "../../../src/testing/store-cases.js";

describe("memoryStore", () => {
  const open = async () => {
    const store = memoryStore();
    return { store, reopen: async () => store };
  };
  for (const { title, run } of storeCases(open)) it(title, run);
});
