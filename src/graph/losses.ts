import type { Loss } from "../mail/mail-target.js";

/** What the Graph route may lose of a message; `docs/fidelity.md` says of each when. */
export const graphLosses = [
  "octets",
  "mime-structure",
  "alternative-body",
  "body-as-attachment",
  "signature",
  "encryption",
  "broken-mime",
  "charset",
  "characters",
  "header-block",
  "subject",
  "recipient",
  "sender",
  "message-id",
  "flag",
  "keyword",
  "internal-date",
] as const satisfies readonly Loss[];

/** One of {@link graphLosses}. */
export type GraphLoss = (typeof graphLosses)[number];
