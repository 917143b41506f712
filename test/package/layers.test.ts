import { describe, expect, it } from "vitest";
import { filesBelow, findCycle, type Import, importsBelow, importsOf } from "./imports.js";

/** A part of src: what it is made of, and what else it may import. Listed from the top down. */
interface Layer {
  readonly files: RegExp;
  readonly mayImport: readonly LayerName[];
}

type LayerName =
  | "host"
  | "batch"
  | "prepare"
  | "engine"
  | "imap"
  | "graph"
  | "credentials"
  | "stores"
  | "testing"
  | "words";

const layers: Readonly<Record<LayerName, Layer>> = {
  // What the package exports.
  host: {
    files: /^index\.ts$/,
    mayImport: ["batch", "prepare", "engine", "imap", "graph", "credentials", "stores", "words"],
  },
  // Puts the parts together: it alone knows both the engine and the adapters.
  batch: {
    files: /^(batch\/|(migration-batch|migration-endpoint|imap-server|exchange-online|guarded-emitter)\.ts$)/,
    mayImport: ["prepare", "engine", "imap", "graph", "credentials", "words"],
  },
  prepare: { files: /^prepare\//, mayImport: ["engine", "imap", "graph", "words"] },
  // No server, no database.
  engine: { files: /^engine\//, mayImport: ["words"] },
  // Side by side: neither knows the other.
  imap: { files: /^imap\//, mayImport: ["words"] },
  graph: { files: /^graph\//, mayImport: ["words"] },
  credentials: { files: /^credentials\/(?!(access-token|clouds)\.ts$)/, mayImport: ["words"] },
  stores: { files: /^store\/(?!(migration-store|batch-records)\.ts$)/, mayImport: ["words"] },
  testing: { files: /^testing\//, mayImport: ["words"] },
  // The words of the field and the interfaces.
  words: {
    files:
      /^(mail\/|csv\/|report\/|providers\/|store\/(migration-store|batch-records)\.ts$|credentials\/(access-token|clouds)\.ts$|(abortable|csv-row|errors|events|exchange-folder-names|limits|login-formats|migration-target|migration-user|outcome|report|retry-after|scrub|statistics|status|system-faults|throttle-profiles|verification)\.ts$)/,
    mayImport: [],
  },
};

/** Imports against the table, each with its reason. */
const exceptions: readonly (readonly [from: string, to: string])[] = [
  // The fakes name their folders as a server would: the spelling is pure text.
  ["testing/fake-mailbox.ts", "imap/folder-names.ts"],
  // The suite asks whether what a target says of its names is enough to plan with.
  ["testing/opened-target.ts", "engine/folders/plan-folders.ts"],
];

/** The only file that may load each package. */
const packages: Readonly<Record<string, RegExp>> = {
  imapflow: /^imap\/proxied-sign-in\.ts$/,
  "@azure/msal-node": /^credentials\//,
  "@microsoft/microsoft-graph-client": /^graph\/graph-client\.ts$/,
  "csv-parse/sync": /^csv\/read-user-list\.ts$/,
  eventemitter3: /^guarded-emitter\.ts$/,
  "@photostructure/sqlite": /^store\/sqlite-driver\.ts$/,
  "node:sqlite": /^store\/sqlite-driver\.ts$/,
};

/** What the engine, the words and the batch do without: they read and write nothing by themselves. */
const inputAndOutput = /^node:(child_process|dgram|dns|fs|http|http2|https|net|sqlite|tls|worker_threads)(\/|$)/;
const mayInputAndOutput: readonly LayerName[] = ["prepare", "imap", "graph", "stores", "testing"];

const imports = importsBelow("src");

function layerOf(file: string): LayerName | undefined {
  const names = Object.keys(layers) as LayerName[]; // Object.keys types its result as string[]
  return names.find((name) => layers[name].files.test(file));
}

function isAllowed({ from, to }: Import): boolean {
  const [above, below] = [layerOf(from), layerOf(to)];
  if (above === undefined || below === undefined) return false;
  if (above === below || layers[above].mayImport.includes(below)) return true;
  return exceptions.some((pair) => pair[0] === from && pair[1] === to);
}

const text = ({ from, to }: Import): string => `${from} imports ${to}`;

describe("The files below src", () => {
  it("belong to exactly one layer each", () => {
    const fitting = (file: string) => Object.values(layers).filter(({ files }) => files.test(file)).length;
    expect(filesBelow("src").filter((file) => fitting(file) !== 1)).toEqual([]);
  });

  it("import downwards only, and never sideways between imap, the stores and the engine", () => {
    expect(imports.filter((each) => each.isFile && !isAllowed(each)).map(text)).toEqual([]);
  });

  it("need every exception that the table makes", () => {
    const needed = ([from, to]: readonly [string, string]) =>
      imports.some((each) => each.from === from && each.to === to);
    expect(exceptions.filter((pair) => !needed(pair))).toEqual([]);
  });

  it("load each package in its one place, and no other package", () => {
    const isWrong = ({ from, to, isFile }: Import): boolean => {
      const place = packages[to];
      return !isFile && (place ? !place.test(from) : !to.startsWith("node:"));
    };
    expect(imports.filter(isWrong).map(text)).toEqual([]);
    const loaded = new Set(imports.map(({ to }) => to));
    expect(Object.keys(packages).filter((name) => !loaded.has(name))).toEqual([]);
  });

  it("reach for sockets and files in the adapters and the doubles alone", () => {
    const isWrong = ({ from, to }: Import): boolean => {
      const layer = layerOf(from);
      return inputAndOutput.test(to) && !(layer && mayInputAndOutput.includes(layer));
    };
    expect(imports.filter(isWrong).map(text)).toEqual([]);
  });

  it("have no ring of imports that stands at run time", () => {
    expect(findCycle(imports.filter(({ isFile, isTypeOnly }) => isFile && !isTypeOnly))).toBeUndefined();
  });
});

describe("Reading imports", () => {
  it("sees every way to write one", () => {
    const source = `
      import a from "./a.js"; import type { B } from "../b.js"; export * from "./c.js";
      import { type D } from "./d.js"; export type { E } from "./e.js"; import "node:net";
      const f = await import("f"); const g = process.getBuiltinModule?.("node:sqlite"); type H = import("./h.js").H;
    `;
    const read = importsOf(source, "engine/x.ts").map(({ to, isTypeOnly }) => [to, isTypeOnly]);
    expect(read).toEqual([
      ["engine/a.ts", false],
      ["b.ts", true],
      ["engine/c.ts", false],
      ["engine/d.ts", false],
      ["engine/e.ts", true],
      ["node:net", false],
      ["f", false],
      ["node:sqlite", false],
      ["engine/h.ts", true],
    ]);
  });

  it("finds a ring, and none where there is none", () => {
    const of = (from: string, to: string): Import => ({ from, to, isFile: true, isTypeOnly: false });
    expect(findCycle([of("a", "b"), of("b", "c"), of("c", "b")])).toEqual(["b", "c", "b"]);
    expect(findCycle([of("a", "b"), of("a", "c"), of("b", "c")])).toBeUndefined();
  });
});
