import { MigrationError } from "../errors.js";

/** Appends under way at a time over all mailboxes: what they hold in memory must not grow with the mailboxes. */
const TOTAL_APPENDS = 2_048;
/** What a mailbox gets of them at least. */
const LEAST_APPENDS = 16;

/** Shares the appends that may be under way among the mailboxes that are being copied. */
export class AppendBudget {
  #windows = 0;

  /** What each mailbox may have now. */
  get share(): number {
    return Math.max(LEAST_APPENDS, Math.floor(TOTAL_APPENDS / Math.max(1, this.#windows)));
  }

  /** A window of at most `size` for one mailbox, which closes it at its end. */
  open(size: number): AppendWindow {
    this.#windows += 1;
    return new AppendWindow(size, this);
  }

  close(): void {
    this.#windows -= 1;
  }
}

/** How many appends of one mailbox may be under way at a time; the rest wait their turn. */
export class AppendWindow {
  readonly #size: number;
  readonly #budget: AppendBudget | undefined;
  #taken = 0;
  #waiting: (() => void)[] = [];

  /** Without a budget the window is all its own. */
  constructor(size: number, budget?: AppendBudget) {
    this.#size = Math.max(1, size);
    this.#budget = budget;
  }

  /** @throws MigrationError `aborted` */
  async enter(signal: AbortSignal): Promise<void> {
    while (this.#taken >= Math.min(this.#size, this.#budget?.share ?? this.#size) && !signal.aborted) {
      await this.#turn(signal);
    }
    if (signal.aborted) throw new MigrationError("aborted", "The migration was stopped");
    this.#taken += 1;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.push(wake);
    signal.addEventListener("abort", wake);
    await woken;
    signal.removeEventListener("abort", wake);
  }

  leave(): void {
    this.#taken -= 1;
    this.#waiting.shift()?.();
  }
}
