import { MigrationError } from "../../errors.js";
import type { MessageContent } from "../../mail/message.js";

/** All of the content, if nothing of it has to be waited for. */
export function arrived(content: MessageContent): readonly Uint8Array[] | undefined {
  const chunks = content.whole?.();
  return chunks && complete(chunks, content.size);
}

/** All of the content, once it has come. */
export async function collect(content: MessageContent): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of content) chunks.push(chunk);
  } catch (error) {
    throw brokenOff(error);
  }
  return complete(chunks, content.size);
}

function complete(chunks: readonly Uint8Array[], size: number): readonly Uint8Array[] {
  let octets = 0;
  for (const chunk of chunks) octets += chunk.length;
  if (octets !== size) throw brokenOff(truncated(size, octets));
  return chunks;
}

export function truncated(size: number, octets: number): MigrationError {
  return new MigrationError("message-truncated", `A message of ${size} octets ended after ${octets}`);
}

/** Whatever happened to the source: of the message, nothing is known to be refused. */
export function brokenOff(cause: unknown): MigrationError {
  const { message } = MigrationError.from(cause);
  return new MigrationError("connection-lost", `The source broke off in mid-message: ${message}`, { cause });
}
