import { addBooks, type Books, emptyBooks } from "../outcome.js";

/** The sums over a user's folders while they change, one folder at a time. */
export class UserProgressTally {
  readonly #books = new Map<string, Books>();
  #sum: Books = emptyBooks;

  /** `folder`: its identity at the source. */
  update(folder: string, books: Books): void {
    const before = this.#books.get(folder) ?? emptyBooks;
    this.#books.set(folder, books);
    this.#sum = addBooks(this.#sum, difference(books, before));
  }

  get books(): Books {
    return this.#sum;
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
