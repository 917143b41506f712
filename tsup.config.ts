import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", "testing/index": "src/testing/index.ts" },
  format: ["esm", "cjs"],
  target: "node20",
  splitting: true, // one copy of each class for all entries
  sourcemap: true,
  clean: true,
  dts: { compilerOptions: { ignoreDeprecations: "6.0" } }, // tsup sets baseUrl, which TypeScript 6 reports
  removeNodeProtocol: false, // "node:sqlite" has no name without its prefix
  external: [/^@photostructure\/sqlite/], // tsup bundles optionalDependencies otherwise
  onSuccess: shortenSourceMapPaths,
});

/** The CommonJS pass writes the build machine's absolute paths into its maps. */
async function shortenSourceMapPaths(): Promise<void> {
  for (const name of await readdir("dist", { recursive: true })) {
    if (!name.endsWith(".cjs.map")) continue;
    const file = path.join("dist", name);
    const map: { file: string; sources: string[] } = JSON.parse(await readFile(file, "utf8"));
    map.file = path.basename(map.file);
    map.sources = map.sources.map((source) => (path.isAbsolute(source) ? path.basename(source) : source));
    await writeFile(file, JSON.stringify(map));
  }
}
