import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

/** One import or re-export of a source file. */
export interface Import {
  /** The file that imports, below `src`, with slashes. */
  readonly from: string;
  /** A file below `src` with slashes, or the name of a package or built-in as it is written. */
  readonly to: string;
  readonly isFile: boolean;
  /** True for `import type` and `export type`: nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
}

/** Every TypeScript file below a folder, with slashes, in order. */
export function filesBelow(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => name.replaceAll(path.sep, "/"))
    .sort();
}

/** Every import of every file below a folder: declarations, re-exports, `import()` and `process.getBuiltinModule()`. */
export function importsBelow(folder: string): Import[] {
  return filesBelow(folder).flatMap((from) => importsOf(readFileSync(path.join(folder, from), "utf8"), from));
}

/** The imports of one file, whose name is only used to resolve relative ones. */
export function importsOf(text: string, from: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const isFile = specifier.text.startsWith(".");
    const to = isFile
      ? path.posix.join(path.posix.dirname(from), specifier.text).replace(/\.js$/, ".ts")
      : specifier.text;
    found.push({ from, to, isFile, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && isLoading(node.expression)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(from, text, ts.ScriptTarget.ES2022));
  return found;
}

function isLoading(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true;
  if (ts.isIdentifier(callee)) return callee.text === "require";
  return ts.isPropertyAccessExpression(callee) && callee.name.text === "getBuiltinModule";
}

/** The first ring of files that import one another; undefined where there is none. */
export function findCycle(imports: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const search = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of targets.get(file) ?? []) {
      const cycle = search(next, [...trail, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const cycle = search(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}
