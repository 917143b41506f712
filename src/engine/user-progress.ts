import { addBooks, type Books, emptyBooks, isBalanced, outcomeCount } from "../outcome.js";

/** The sums over a user's folders while they change, one folder at a time. */
export class UserProgressTally {
  readonly #books = new Map<string, Books>();
  /** Messages that each folder's pass has found so far: the ledger knows the number only when the pass has ended. */
  readonly #found = new Map<string, number>();
  #sum: Books = emptyBooks;

  /** `folder`: its page in the ledger. */
  update(folder: string, books: Books): void {
    const before = this.#books.get(folder) ?? emptyBooks;
    this.#books.set(folder, books);
    this.#sum = addBooks(this.#sum, difference(books, before));
  }

  found(folder: string, messages: number): void {
    this.#found.set(folder, messages);
  }

  /** As the ledger has them. */
  get books(): Books {
    return this.#sum;
  }

  /** True when the books of every page balance. */
  get balanced(): boolean {
    return [...this.#books.values()].every(isBalanced);
  }

  /** The same with what the passes under way have found. */
  get progress(): Books {
    let found = 0;
    for (const [folder, books] of this.#books) {
      found += Math.max(books.found, outcomeCount(books), this.#found.get(folder) ?? 0);
    }
    return { ...this.#sum, found };
  }
}

function difference(now: Books, before: Books): Books {
  return {
    found: now.found - before.found,
    copied: now.copied - before.copied,
    alreadyThere: now.alreadyThere - before.alreadyThere,
    skipped: now.skipped - before.skipped,
    refused: now.refused - before.refused,
    failed: now.failed - before.failed,
    vanished: now.vanished - before.vanished,
    uncertain: now.uncertain - before.uncertain,
    octetsCopied: now.octetsCopied - before.octetsCopied,
  };
}
