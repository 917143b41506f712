import type { Reporter, TestModule } from "vitest/node";
import { secretsIn } from "./recovery/secret-forms.js";

/** The passwords of the fixtures that stand nowhere else. */
const FIXTURES = {
  "the password of the worlds of fakes": "Käse,9!Tr0ub4dor",
  "the password of the scripted servers": "p4ssw0rd-of-terry",
  "the password of the real servers": "2111991",
};

type PrintedText = Parameters<NonNullable<Reporter["onUserConsoleLog"]>>[0];

/** R10: fails a run in which a test or the library has printed a password of the fixtures, in whatever coding. */
export default class SecretWatch implements Reporter {
  readonly #printed: [where: string, octets: Uint8Array][] = [];

  onUserConsoleLog({ content, type, taskId = "no test" }: PrintedText): void {
    this.#printed.push([`the ${type} of ${taskId}`, Buffer.from(content)]);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        for (const { message, stack } of test.result().errors ?? []) {
          this.#printed.push([`the failure of ${test.fullName}`, Buffer.from(`${message}\n${stack}`)]);
        }
      }
    }
    const found = secretsIn(this.#printed, FIXTURES);
    if (found.length === 0) return;
    console.error(`Secrets were printed:\n${found.join("\n")}`);
    process.exitCode = 1;
  }
}
