/** A message that is recognised in every folder that shows it. */
export interface IdentifiedMessage {
  /**
   * EMAILID (RFC 8474), or Gmail's X-GM-MSGID: equal for one message in several folders, and for nothing else. Absent
   * where the server has neither.
   */
  readonly emailId?: string;
}

export interface SplitRest<Message> {
  /** To be copied: the target has it from no other folder, or nobody can tell. */
  readonly rest: Message[];
  /** To be skipped: the target has it already from another folder. */
  readonly held: Message[];
}

/**
 * Which messages of a folder that copies the rest are to be copied. `held` has the ids of the messages that the target
 * has from whichever folder: `copied` or `alreadyThere`, in this pass or an earlier one. A message that was refused
 * or failed there is not among them and gets a second chance here: a double is better than a loss. So does a message
 * without an id.
 */
export function splitRest<Message extends IdentifiedMessage>(
  messages: readonly Message[],
  held: ReadonlySet<string>,
): SplitRest<Message> {
  const split: SplitRest<Message> = { rest: [], held: [] };
  for (const message of messages) {
    const isHeld = message.emailId !== undefined && held.has(message.emailId);
    (isHeld ? split.held : split.rest).push(message);
  }
  return split;
}
