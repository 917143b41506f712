import { type GenerateResult, generate } from "selfsigned";

/** A throw-away certificate for `localhost` and 127.0.0.1, and the authority that signed it; PEM. */
export interface ServerCertificate {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

let issued: Promise<ServerCertificate> | undefined;

/** One certificate for all servers of this process. */
export function serverCertificate(): Promise<ServerCertificate> {
  issued ??= issue();
  return issued;
}

async function issue(): Promise<ServerCertificate> {
  const authority = await generate([{ name: "commonName", value: "Test authority" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const server = await sign(authority);
  return { ca: authority.cert, certificate: server.cert, key: server.private };
}

function sign(authority: GenerateResult): Promise<GenerateResult> {
  return generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: "basicConstraints", cA: false },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
}
