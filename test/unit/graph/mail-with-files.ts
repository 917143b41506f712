import { createCipheriv } from "node:crypto";
import { type StoredMessage, sampleMessage } from "../../../src/testing/sample-message.js";
import { base64Lines } from "../../fixtures/mail/rfc5322.js";

/** A message with a text and files of these sizes, whose octets are told too. */
export interface MailWithFiles {
  readonly message: StoredMessage;
  readonly files: readonly Buffer[];
}

/** `multipart/mixed` with a text and files of so many random octets; equal arguments give equal octets. */
export function mailWithFiles(subject: string, sizes: readonly number[], seed = 1): MailWithFiles {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16));
  const files = sizes.map((size) => cipher.update(Buffer.alloc(size)));
  const header = Buffer.from(sampleMessage(subject, { body: "" }).octets)
    .toString("latin1")
    .replace(/\r\n$/, 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_files"\r\n\r\n');
  const parts = files.map((file, at) => {
    const fields = [
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: base64",
      `Content-Disposition: attachment; filename="file ${at + 1}.bin"`,
    ];
    return `--=_files\r\n${fields.join("\r\n")}\r\n\r\n${base64Lines(file)}`;
  });
  const text = "--=_files\r\nContent-Type: text/plain\r\n\r\nSee the files.\r\n";
  const octets = Buffer.from(`${header}${text}${parts.join("")}--=_files--\r\n`, "latin1");
  return { message: { ...sampleMessage(subject), octets }, files };
}
