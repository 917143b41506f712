/** A secret as it may stand somewhere: the name of the form with its octets. */
type SecretForm = readonly [name: string, octets: Buffer];

/** Raw, UTF-16, hex, percent-encoded, escaped as JSON does, and base64 at each of the three alignments, both alphabets. */
export function formsOf(secret: string): SecretForm[] {
  const octets = Buffer.from(secret);
  const hex = octets.toString("hex");
  const texts: (readonly [string, string])[] = [
    ["raw", secret],
    ["hex", hex],
    ["hex in capitals", hex.toUpperCase()],
    ["percent-encoded", encodeURIComponent(secret)],
    ["percent-encoded octet by octet", hex.replace(/../g, "%$&")],
    ["JSON", JSON.stringify(secret).slice(1, -1)],
    ...base64Forms(octets, "base64"),
    ...base64Forms(octets, "base64url"),
  ];
  return [
    ...texts.map(([name, text]) => [name, Buffer.from(text)] as const),
    ["UTF-16LE", Buffer.from(secret, "utf16le")],
    ["UTF-16BE", Buffer.from(secret, "utf16le").swap16()],
    ["Latin-1", Buffer.from(octets.toString("latin1"))],
  ];
}

/** Without the characters at both ends that depend on what stands beside the secret. */
function base64Forms(octets: Buffer, alphabet: "base64" | "base64url"): (readonly [string, string])[] {
  return [0, 1, 2].map((alignment) => {
    const encoded = Buffer.concat([Buffer.alloc(alignment), octets])
      .toString(alphabet)
      .replace(/=/g, "");
    const before = Math.ceil((alignment * 8) / 6);
    const after = ((alignment + octets.length) * 8) % 24 === 0 ? 0 : 1;
    return [`${alphabet} at ${alignment}`, encoded.slice(before, encoded.length - after)] as const;
  });
}

/** What of these secrets stands in what was written: `form of which in where`. */
export function secretsIn(
  written: Iterable<readonly [where: string, octets: Uint8Array]>,
  secrets: Readonly<Record<string, string>>,
): string[] {
  const forms = Object.entries(secrets).flatMap(([which, secret]) =>
    formsOf(secret).map(([name, octets]) => ({ what: `${which} (${name})`, octets })),
  );
  return [...written].flatMap(([where, octets]) => {
    const searched = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    return forms.flatMap((form) => (searched.includes(form.octets) ? [`${form.what} in ${where}`] : []));
  });
}
