import { aborted } from "../abortable.js";

/** Appends under way at a time over all mailboxes: what they hold in memory must not grow with the mailboxes. */
const TOTAL_APPENDS = 2_048;
/** What a mailbox gets of them at least. */
const LEAST_APPENDS = 16;

/** Whether the servers of a mailbox let it work. */
export interface Pace {
  /** True: nothing may be sent before `rest` resolves. */
  readonly mustRest: boolean;
  rest(signal: AbortSignal): Promise<void>;
}

/** Shares the appends that may be under way among the mailboxes that are being copied. */
export class AppendBudget {
  #windows = 0;

  /** What each mailbox may have now. */
  get share(): number {
    return Math.max(LEAST_APPENDS, Math.floor(TOTAL_APPENDS / Math.max(1, this.#windows)));
  }

  /** A window of at most `size` for one mailbox, which closes it at its end; nothing enters it while `pace` rests. */
  open(size: number, pace?: Pace): AppendWindow {
    this.#windows += 1;
    return new AppendWindow(size, this, pace);
  }

  close(): void {
    this.#windows -= 1;
  }
}

/** How many appends of one mailbox may be under way at a time; the rest wait their turn. */
export class AppendWindow {
  readonly #size: number;
  readonly #budget: AppendBudget | undefined;
  readonly #pace: Pace | undefined;
  #taken = 0;
  #waiting: (() => void)[] = [];

  /** Without a budget the window is all its own. */
  constructor(size: number, budget?: AppendBudget, pace?: Pace) {
    this.#size = Math.max(1, size);
    this.#budget = budget;
    this.#pace = pace;
  }

  /** @throws MigrationError `aborted`, and what the pace rejects with */
  async enter(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#pace?.mustRest) await this.#rest(this.#pace, signal);
      else if (this.#taken >= Math.min(this.#size, this.#budget?.share ?? this.#size)) await this.#turn(signal);
      else break;
    }
    if (signal.aborted) throw aborted();
    this.#taken += 1;
  }

  async #rest(pace: Pace, signal: AbortSignal): Promise<void> {
    try {
      await pace.rest(signal);
    } catch (error) {
      // The turn that this one gives up is the next one's.
      this.#waiting.shift()?.();
      throw error;
    }
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
