/** At most so much within any stretch of time. */
export interface RateLimit {
  /** Requests or octets. */
  readonly most: number;
  /** How long the stretch is, in milliseconds. */
  readonly perMs: number;
}

/**
 * What a service lets one client do with one mailbox, as data. An absent member is a limit that the service does not have
 * or has not published.
 */
export interface ThrottleProfile {
  /** For people and reports. */
  readonly name: string;
  /** Connections to one mailbox, or requests of one application about it, at the same time. */
  readonly mostAtOnce?: number;
  /** Requests, whatever comes of them. */
  readonly requests?: RateLimit;
  /** Octets in the bodies of requests. */
  readonly uploadedOctets?: RateLimit;
  /** Octets that may be read in 24 hours. */
  readonly octetsReadPerDay?: number;
  /** Octets that may be written in 24 hours. */
  readonly octetsWrittenPerDay?: number;
}

/**
 * Outlook's limits for one application and one mailbox, in all clouds; v1.0 and beta count together ("Microsoft Graph
 * service-specific throttling limits", learn.microsoft.com). A megabyte is taken as 1,000,000 octets, the stricter reading.
 */
export const graphThrottle: ThrottleProfile = Object.freeze({
  name: "graph",
  mostAtOnce: 4,
  requests: Object.freeze({ most: 10_000, perMs: 600_000 }),
  uploadedOctets: Object.freeze({ most: 150_000_000, perMs: 300_000 }),
});

/**
 * Exchange Online over IMAP. Microsoft publishes no rate; the server asks for its pauses itself (`Suggested Backoff Time`).
 * The connections are our own caution: older figures name 20 for a mailbox.
 */
export const exchangeImapThrottle: ThrottleProfile = Object.freeze({ name: "exchange-imap", mostAtOnce: 2 });

/**
 * Gmail over IMAP: 2,500 MB read and 500 MB written a day ("Gmail bandwidth limits", support.google.com/a/answer/1071518),
 * 15 connections ("Sync Gmail with other email clients"). Past them Google suspends the account for up to 24 hours.
 */
export const gmailThrottle: ThrottleProfile = Object.freeze({
  name: "gmail",
  mostAtOnce: 15,
  octetsReadPerDay: 2_500_000_000,
  octetsWrittenPerDay: 500_000_000,
});

/** No limit that is known beforehand; what the server asks for is kept all the same. */
export const unthrottled: ThrottleProfile = Object.freeze({ name: "unthrottled" });

/** Lets the requests about one mailbox through as its limits allow. */
export interface RequestGate {
  /**
   * Resolves in the order of the calls, as soon as the limits allow this request, with the function to call when its answer
   * has come or has been given up. Until then it counts as under way.
   * @param octets of its body; 0 where there is none
   * @throws MigrationError `aborted`
   */
  enter(octets: number, signal: AbortSignal): Promise<() => void>;
  /** Lets nobody through for so many milliseconds (Retry-After); never shortens a pause that goes on. */
  pause(ms: number): void;
}
