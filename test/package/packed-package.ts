import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Everything that the build and npm need of the checkout. */
const INGREDIENTS = [
  ...["package.json", "tsconfig.json", "tsup.config.ts", "src", "docs"],
  ...["README.md", "CHANGELOG.md", "LICENSE"],
];

/** The package as npm would publish it, and a project that has it installed. */
export interface PackedPackage {
  /** The tarball. */
  readonly tarball: string;
  /** Every file of the tarball, below `package/`. */
  readonly files: readonly string[];
  /** The installed package. */
  readonly folder: string;
  /** The project: it sees the package and what the package depends on, and nothing else. */
  readonly project: string;
  remove(): Promise<void>;
}

/**
 * Builds and packs a copy of the checkout, and installs the tarball into an empty project. Nothing is downloaded: the
 * packages that package.json names as dependencies, and no others, are linked from the checkout.
 */
export async function packPackage(checkout: string): Promise<PackedPackage> {
  const root = await mkdtemp(path.join(tmpdir(), "imap-to-m365-package-"));
  const [copy, project] = [path.join(root, "copy"), path.join(root, "project")];
  const modules = path.join(checkout, "node_modules");
  await mkdir(copy);
  for (const name of INGREDIENTS) await cp(path.join(checkout, name), path.join(copy, name), { recursive: true });
  await symlink(modules, path.join(copy, "node_modules"));
  await runTool(checkout, "tsup/dist/cli-default.js", ["--silent"], copy);
  await run("npm", ["pack", "--ignore-scripts", "--offline", "--pack-destination", root], { cwd: copy });

  const { name, version, dependencies } = await readPackage(copy);
  const tarball = path.join(root, `${name}-${version}.tgz`);
  const folder = path.join(project, "node_modules", name);
  await mkdir(folder, { recursive: true });
  const { stdout } = await run("tar", ["-xzvf", tarball, "-C", folder, "--strip-components=1"]);
  for (const dependency of [...Object.keys(dependencies), "@types"]) {
    const link = path.join(project, "node_modules", dependency);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(path.join(modules, dependency), link);
  }
  const files = stdout.split("\n").flatMap((line) => /package\/(.+)$/.exec(line)?.[1] ?? []);
  return { tarball, files, folder, project, remove: () => rm(root, { recursive: true, force: true }) };
}

/** Runs the script of a development package with this Node. */
export async function runTool(checkout: string, script: string, parameters: readonly string[], cwd: string) {
  const file = path.join(checkout, "node_modules", script);
  try {
    return await run(process.execPath, [file, ...parameters], { cwd, maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    throw withOutput(error);
  }
}

/** Runs a program of the project, given as text, and returns what it prints. */
export async function runProgram(project: string, file: string, text: string): Promise<string> {
  await writeFile(path.join(project, file), text);
  try {
    const { stdout } = await run(process.execPath, [file], { cwd: project });
    return stdout;
  } catch (error) {
    throw withOutput(error);
  }
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

async function readPackage(folder: string): Promise<PackageFile> {
  return JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
}

const MOST_OUTPUT = 4000;

/** A failed child process with the end of what it printed, which is where programs say why. */
function withOutput(error: unknown): Error {
  const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string }; // execFile adds both
  return new Error(`${stdout}${stderr}`.trim().slice(-MOST_OUTPUT) || String(error));
}
