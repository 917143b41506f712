import type { Flag } from "./flags.js";

/** What a listing says of a message, before its content is read. */
export interface MessageHead {
  /** Its UID in the source folder (RFC 9051 section 2.3.1.1). */
  readonly uid: number;
  /** RFC822.SIZE in octets: the server's claim, which some servers get wrong. */
  readonly size: number;
  /** INTERNALDATE: when the server received it. An invalid Date where the server gave none that can be read. */
  readonly internalDate: Date;
  readonly flags: ReadonlySet<Flag>;
  /** The octets of the header block, where a listing was asked for them. */
  readonly header?: Uint8Array;
  /**
   * Equal for one message in several folders, and for nothing else, where a listing was asked for it: EMAILID (RFC 8474), or
   * Gmail's X-GM-MSGID. Absent where the server has neither.
   */
  readonly emailId?: string;
  /**
   * By how many octets a server may store it smaller or larger: CRs without LF dropped, LFs without CR made CRLF, a missing
   * line end added at the end. Absent where the message was not read to find that out.
   */
  readonly changes?: { readonly fewer: number; readonly more: number };
}

/**
 * The RFC 5322 octets of one message, as a stream. Read once. It must be read to its end or cancelled before the next
 * message of the same fetch arrives; that is the flow control.
 */
export interface MessageContent extends AsyncIterable<Uint8Array> {
  /** Octets that will come. A content that ends before throws `message-truncated` or `connection-lost`. */
  readonly size: number;
  /**
   * All of it at once, as reading it to its end would give it; undefined where not everything has arrived yet, or some of it
   * was read: then it has to be iterated. Absent: always to be iterated.
   */
  whole?(): readonly Uint8Array[] | undefined;
  /** Gives the unread rest up. Reading it afterwards yields nothing. */
  cancel(): void;
}

/** One message with its content. */
export interface Message extends MessageHead {
  readonly content: MessageContent;
}
