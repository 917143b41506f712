import { MigrationError } from "../../src/errors.js";
import type { MailSource } from "../../src/mail/mail-source.js";
import type { MailTarget } from "../../src/mail/mail-target.js";
import type { Message, MessageContent } from "../../src/mail/message.js";
import type { FolderJournal, MigrationStore } from "../../src/store/migration-store.js";

/** What happens at a step: the process dies, one of the connections is lost, or the host stops the batch. */
export const interruptions = ["crash", "source-lost", "target-lost", "stop"] as const;
export type Interruption = (typeof interruptions)[number];

/** Counts the steps of a run, and lets one of them go wrong. */
export class Steps {
  taken = 0;
  /** Whether the step that was to go wrong came. */
  struck = false;
  /** What every step was, for whoever looks at a failure. */
  readonly trace: string[] = [];
  readonly #strikeAt: number;
  readonly #strike: () => "dies" | "goes on";
  #dead = false;

  constructor(strikeAt = Number.POSITIVE_INFINITY, strike: () => "dies" | "goes on" = () => "goes on") {
    this.#strikeAt = strikeAt;
    this.#strike = strike;
  }

  step(what: string): void {
    this.checkAlive();
    this.taken += 1;
    this.trace.push(what);
    if (this.taken !== this.#strikeAt) return;
    this.struck = true;
    this.#dead = this.#strike() === "dies";
    this.checkAlive();
  }

  /** @throws MigrationError `aborted`, which nobody tries again: the process that would is dead */
  checkAlive(): void {
    if (this.#dead) throw new MigrationError("aborted", "The process has died.");
  }
}

/** A step before and after each of these calls; the others only fail when the process is dead. */
function stepping<Inner extends object>(inner: Inner, steps: Steps, watched: readonly (keyof Inner & string)[]): Inner {
  return new Proxy(inner, {
    get(_, name) {
      const member: unknown = Reflect.get(inner, name, inner);
      if (typeof member !== "function") return member;
      const isWatched = (watched as readonly (string | symbol)[]).includes(name); // a wider type, for the look-up only
      return (...parameters: unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(member, inner, parameters);
        if (isStream(name)) return steppedItems(call() as AsyncIterable<unknown>, steps, name); // by the interfaces' own types
        if (!isWatched) {
          if (name !== "close") steps.checkAlive();
          return call();
        }
        return (async () => {
          steps.step(`before ${String(name)}`);
          const result = await call();
          steps.step(`after ${String(name)}`);
          return result;
        })();
      };
    },
  });
}

function isStream(name: string | symbol): boolean {
  return name === "listMessages" || name === "fetch";
}

async function* steppedItems(items: AsyncIterable<unknown>, steps: Steps, name: string | symbol) {
  steps.step(`before ${String(name)}`);
  for await (const item of items) {
    steps.step(`item of ${String(name)}`);
    yield name === "fetch" ? withSteppedContent(item as Message, steps) : item; // what a fetch yields
  }
  steps.step(`after ${String(name)}`);
}

function withSteppedContent(message: Message, steps: Steps): Message {
  const { content } = message;
  const stepped: MessageContent = {
    size: content.size,
    cancel: () => content.cancel(),
    async *[Symbol.asyncIterator]() {
      let chunks = 0;
      for await (const chunk of content) {
        if (++chunks === 2) steps.step("in mid-message");
        else steps.checkAlive();
        yield chunk;
      }
    },
  };
  return { ...message, content: stepped };
}

export function steppingSource(source: MailSource, steps: Steps): MailSource {
  return stepping(source, steps, ["listFolders"]);
}

export function steppingTarget(target: MailTarget, steps: Steps): MailTarget {
  return stepping(target, steps, ["listFolders", "ensureFolder", "append", "find"]);
}

export function steppingJournal(journal: FolderJournal, steps: Steps): FolderJournal {
  return stepping(journal, steps, ["begin", "settle", "finish"]);
}

export function steppingStore(store: MigrationStore, steps: Steps): MigrationStore {
  return stepping(store, steps, ["addUsers", "queueUsers", "claimUser", "releaseUser", "openJournal"]);
}
