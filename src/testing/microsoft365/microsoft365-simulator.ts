import { randomUUID } from "node:crypto";
import { MigrationError } from "../../errors.js";
import { faultWith, type GraphFault, type GraphFaultAction, GraphFaultBook, replyOfFault } from "./faults.js";
import { GraphService, type IncomingRequest } from "./graph-service.js";
import { handlersFor, type MswHttp } from "./handlers.js";
import type { SimulatedMailbox } from "./mailbox.js";
import { graphError, NO_ANSWER, Refusal, type Reply, toResponse } from "./reply.js";
import { type OpenRecord, type SimulatedRequest, withoutToken } from "./requests.js";
import { findRoute } from "./routes.js";
import { bearerToken, SignIn } from "./sign-in.js";
import type { Microsoft365SimulatorOptions } from "./simulator-options.js";
import { SimulatedTenant, type SimulatedUser } from "./tenant.js";
import { documentedLimits, type Refused, Throttle } from "./throttle.js";
import { UploadSessions } from "./upload-sessions.js";

export type { Microsoft365SimulatorOptions, SimulatorClock } from "./simulator-options.js";

interface Watcher {
  readonly isTrue: () => boolean;
  readonly resolve: () => void;
}

const UPLOADS = new Set(["POST", "PATCH", "PUT"]);
const GLOBAL_CLOUD = {
  authority: "https://login.microsoftonline.com",
  graph: "https://graph.microsoft.com",
  imapScope: "https://outlook.office365.com/.default",
};

/**
 * Microsoft 365 in this process, for tests: sign-in with client credentials, and so much of Microsoft Graph as a migration
 * needs, answered as Microsoft documents it, with its limits and its errors. It keeps state, counts every request, and does
 * wrong what a {@link GraphFault} says. Needs no test framework and opens no port: give {@link handlers} to msw, or
 * {@link respond} to another interceptor.
 *
 * ```ts
 * const simulator = new Microsoft365Simulator({
 *   tenants: [{
 *     id: "contoso.onmicrosoft.com",
 *     applications: [{ clientId: "app", clientSecret: "secret" }],
 *     users: ["terry@contoso.com"],
 *   }],
 * });
 * const server = setupServer(...simulator.handlers(http)); // both from msw
 * ```
 */
export class Microsoft365Simulator {
  readonly tenants: readonly SimulatedTenant[];
  readonly #options: Microsoft365SimulatorOptions;
  readonly #hosts: { readonly signIn: string; readonly graph: string; readonly upload: string };
  readonly #signIn: SignIn;
  readonly #uploads: UploadSessions;
  readonly #graph: GraphService;
  readonly #throttle: Throttle;
  readonly #faults = new GraphFaultBook();
  readonly #requests: OpenRecord[] = [];
  readonly #watchers = new Set<Watcher>();

  constructor(options: Microsoft365SimulatorOptions) {
    this.#options = options;
    this.tenants = options.tenants.map((tenant) => new SimulatedTenant(tenant));
    const cloud = options.cloud ?? GLOBAL_CLOUD;
    const uploadHost = options.uploadHost ?? "https://outlook.office.com";
    this.#hosts = { signIn: cloud.authority, graph: cloud.graph, upload: uploadHost };
    const clock = { now: () => this.#now(), date: () => this.#date() };
    const imapResource = cloud.imapScope.replace(/\/\.default$/, "");
    const resources = [cloud.graph, imapResource, "https://outlook.office.com", "https://ps.outlook.com"];
    const tokenLifetimeMs = options.tokenLifetimeMs ?? 3_600_000;
    this.#signIn = new SignIn({ authority: cloud.authority, resources, tokenLifetimeMs, ...clock }, this.tenants);
    this.#uploads = new UploadSessions(uploadHost, options.uploadSessionLifetimeMs ?? 3_600_000, clock);
    this.#graph = new GraphService({
      graph: cloud.graph,
      signIn: this.#signIn,
      uploads: this.#uploads,
      date: clock.date,
      deletedMessagesGoTo: options.deletedMessagesGoTo ?? "deleteditems",
      importedMessagesAreReceived: options.importedMessagesAreReceived ?? "now",
    });
    this.#throttle = new Throttle({ ...documentedLimits, ...options.limits }, clock.now);
    for (const fault of options.faults ?? []) this.#faults.add(fault);
  }

  /**
   * Handlers for msw's `setupServer(...)`, which answer everything on the hosts of the cloud.
   * @param http msw's own `http`
   */
  handlers<Handler>(http: MswHttp<Handler>): Handler[] {
    return handlersFor(http, Object.values(this.#hosts), (request) => this.respond(request));
  }

  /** The answer to one request; `Response.error()` stands for a connection that was lost. Never rejects for what a client did. */
  async respond(request: Request): Promise<Response> {
    const body = Buffer.from(await request.arrayBuffer());
    const incoming = {
      method: request.method.toUpperCase(),
      url: new URL(request.url),
      headers: request.headers,
      body,
    };
    return toResponse(await this.#answer(incoming), {
      requestId: randomUUID(),
      clientRequestId: request.headers.get("client-request-id") ?? randomUUID(),
      date: this.#date(),
    });
  }

  /** The user with this name, in whichever tenant. @throws MigrationError `option-invalid` where there is none */
  user(userPrincipalName: string): SimulatedUser {
    for (const tenant of this.tenants) {
      const user = tenant.findUser(userPrincipalName);
      if (user) return user;
    }
    throw new MigrationError("option-invalid", `There is no user ${JSON.stringify(userPrincipalName)}.`);
  }

  /** The mailbox of the user with this name. @throws MigrationError `option-invalid` where there is none */
  mailbox(userPrincipalName: string): SimulatedMailbox {
    return this.user(userPrincipalName).mailbox;
  }

  /** Every request, in the order in which they arrived. */
  get requests(): readonly SimulatedRequest[] {
    return this.#requests;
  }

  /** The requests that went beyond a limit, or came before `Retry-After` allowed it. */
  get violations(): readonly SimulatedRequest[] {
    return this.#requests.filter(({ forbiddenBy }) => forbiddenBy !== undefined);
  }

  /** The most requests at the same time by one application on one mailbox, refused ones too. */
  get peakConcurrency(): number {
    return this.#throttle.peak;
  }

  /** Adds a fault; it counts requests from now on. */
  addFault(fault: GraphFault): void {
    this.#faults.add(fault);
  }

  /** From now on nothing goes wrong. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** Whether a token was given for this resource and is good now: for a server of another protocol, such as IMAP. */
  acceptsToken(token: string, resource: string): boolean {
    return this.#signIn.grantOf(token)?.resource === resource;
  }

  /** From now on no token that was given is accepted. */
  revokeTokens(): void {
    this.#signIn.revokeAll();
  }

  /** Resolves when the condition is true; it is looked at when a request arrives and when one is answered. */
  until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.add({ isTrue, resolve });
    });
  }

  async #answer(request: IncomingRequest): Promise<Reply> {
    const record = this.#record(request);
    const key = record.mailbox && record.application ? `${record.application} ${record.mailbox}` : undefined;
    const refused = key === undefined ? undefined : this.#enter(key, request, record);
    this.#changed();
    let reply: Reply = { status: NO_ANSWER };
    try {
      reply = refused ? throttled(refused) : await this.#answerWithFaults(request, record);
    } finally {
      if (key !== undefined) this.#leave(key, reply);
      record.status = reply.status;
      record.endedAt = this.#now();
      this.#changed();
    }
    return reply;
  }

  #record({ method, url, headers, body }: IncomingRequest): OpenRecord {
    const service = this.#serviceOf(url);
    const path = withoutToken(url.pathname + url.search);
    const record: OpenRecord = { service, method, path, octets: body.length, at: this.#now() };
    const upload = service === "upload" ? this.#uploads.find(url) : undefined;
    const grant = upload?.grant ?? this.#signIn.grantOf(bearerToken(headers) ?? "");
    if (grant) record.application = grant.application.clientId;
    const found = service === "graph" ? findRoute(method, url) : undefined;
    const user =
      upload?.user ?? (found?.route.isOutlook ? grant?.tenant.findUser(found.parameters["user"] ?? "") : undefined);
    if (user) record.mailbox = user.userPrincipalName;
    this.#requests.push(record);
    return record;
  }

  #enter(key: string, { method, body }: IncomingRequest, record: OpenRecord): Refused | undefined {
    const isTooEarly = this.#throttle.isTooEarly(key);
    const refused = this.#throttle.enter(key, UPLOADS.has(method) ? body.length : 0);
    if (refused) record.forbiddenBy = refused.limit;
    else if (isTooEarly) record.forbiddenBy = "retryAfter";
    return refused;
  }

  #leave(key: string, { headers }: Reply): void {
    this.#throttle.leave(key);
    const retryAfter = headers?.["Retry-After"];
    if (retryAfter === undefined) return;
    const seconds = Number(retryAfter);
    const pause = Number.isNaN(seconds) ? (Date.parse(retryAfter) - this.#date().getTime()) / 1000 : seconds;
    this.#throttle.asked(key, pause);
  }

  async #answerWithFaults(request: IncomingRequest, record: SimulatedRequest): Promise<Reply> {
    const faults = this.#faults.match(record, request.body);
    const held = faultWith(faults, "delayUntil");
    const loss = faultWith(faults, "loseConnection")?.loseConnection;
    const answer = faultWith(faults, "status");
    if (record.service !== "sign-in") await this.#options.latency?.(record);
    if (held?.holdEffect) await held.delayUntil;
    if (loss === "before-effect") return { status: NO_ANSWER };
    const isReplaced = answer !== undefined && answer.afterEffect !== true;
    const reply = isReplaced ? replyOfFault(answer) : this.#carryOut(request, record, faults);
    if (held && !held.holdEffect) await held.delayUntil;
    if (loss === "after-effect") return { status: NO_ANSWER };
    return answer ? replyOfFault(answer) : reply;
  }

  /** Lets the request take effect, all at once. */
  #carryOut(request: IncomingRequest, { service }: SimulatedRequest, faults: readonly GraphFaultAction[]): Reply {
    try {
      if (faults.some((fault) => "expireToken" in fault)) this.#signIn.revoke(bearerToken(request.headers) ?? "");
      if (faults.some((fault) => "expireUploadSession" in fault)) this.#uploads.expire(request.url);
      if (service === "sign-in") return this.#signIn.answer(request, faultWith(faults, "aadsts"));
      if (service === "graph") return this.#graph.answer(request);
      return this.#uploads.answer(request);
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      throw error;
    }
  }

  #serviceOf({ origin }: URL): SimulatedRequest["service"] {
    if (origin === new URL(this.#hosts.graph).origin) return "graph";
    return origin === new URL(this.#hosts.upload).origin ? "upload" : "sign-in";
  }

  #now(): number {
    return this.#options.clock ? this.#options.clock.now() : Date.now();
  }

  #date(): Date {
    return new Date(this.#options.clock?.date?.() ?? Date.now());
  }

  #changed(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.isTrue()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

const MESSAGES = {
  concurrent: "Application is over its MailboxConcurrency limit.",
  requests: "Application is over its request limit for this mailbox.",
  uploadedOctets: "Application is over its upload limit for this mailbox.",
  retryAfter: "Application is asked to wait.",
} as const;

function throttled({ limit, retryAfterSeconds }: Refused): Reply {
  return graphError(429, "ApplicationThrottled", MESSAGES[limit], { "Retry-After": String(retryAfterSeconds) });
}
