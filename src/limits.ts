/** The limits of one migration, as data: what a service takes, and what we hold ourselves to. */
export interface MigrationLimits {
  /** Most items of one mailbox; the excess is skipped, oldest first, as `too-many`. */
  readonly maxItems: number;
  /** Largest message in octets; larger ones are skipped as `too-large`. */
  readonly maxMessageSize: number;
}

/**
 * Microsoft's IMAP migration: 500,000 items a mailbox, 35 MB a message
 * ("Migrate your IMAP mailboxes to Microsoft 365", support.microsoft.com).
 */
export const microsoft365Limits: MigrationLimits = Object.freeze({
  maxItems: 500_000,
  maxMessageSize: 35 * 1024 * 1024,
});

/** No limit of our own; what the target refuses is reported as refused. */
export const noLimits: MigrationLimits = Object.freeze({
  maxItems: Number.POSITIVE_INFINITY,
  maxMessageSize: Number.POSITIVE_INFINITY,
});
