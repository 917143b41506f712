// The fall-back for delay-proxy.c where there is no compiler: the same arguments, the same output.
import { FaultProxy } from "../src/testing/fault-proxy.js";

const [delayMs, ...targets] = process.argv.slice(2).map(Number);

async function main(): Promise<void> {
  const to = (port: number) => ({ host: "127.0.0.1", port });
  const proxies = await Promise.all(targets.map((port) => FaultProxy.start({ to: to(port), delayMs: delayMs ?? 0 })));
  console.log(proxies.map((proxy) => proxy.port).join(" "));
  process.stdin.resume().on("end", () => process.exit());
}

void main();
