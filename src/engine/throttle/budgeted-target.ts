import { MigrationError } from "../../errors.js";
import type { MailTarget } from "../../mail/mail-target.js";
import type { DailyOctets } from "./daily-octets.js";

/**
 * The same target; an append for which a budget has no octets left rejects with `throttled` and the wait, so that the mailbox
 * is closed meanwhile. What goes to a target was read from the source: the budgets of both ends are asked here.
 */
export function budgetedTarget(target: MailTarget, budgets: readonly DailyOctets[]): MailTarget {
  const append: MailTarget["append"] = async (folder, message, options) => {
    for (const budget of budgets) {
      const waitMs = await budget.take(message.content.size);
      if (waitMs === 0) continue;
      message.content.cancel();
      const text = "This account has moved as many octets in 24 hours as the service allows";
      throw new MigrationError("throttled", text, { retryAfterMs: waitMs });
    }
    return await target.append(folder, message, options);
  };
  return new Proxy(target, {
    get: (inner, name) => {
      if (name === "append") return append;
      const member: unknown = Reflect.get(inner, name, inner);
      return typeof member === "function" ? member.bind(inner) : member;
    },
  });
}
