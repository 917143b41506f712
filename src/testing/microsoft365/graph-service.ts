import type { GraphCall } from "./graph-call.js";
import { graphError, htmlPage, type Reply } from "./reply.js";
import { findRoute, type Route } from "./routes.js";
import { authorize, type SignIn } from "./sign-in.js";

/** A request with its body read. */
export interface IncomingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** What Graph is made of, and the settings that its handlers see. */
export interface GraphServiceOptions
  extends Pick<GraphCall, "uploads" | "deletedMessagesGoTo" | "importedMessagesAreReceived"> {
  /** The resource that a token must be good for. */
  readonly graph: string;
  readonly signIn: SignIn;
  readonly date: () => Date;
}

/** Request bodies up to so many octets are taken; beyond, a gateway refuses with a page that is no JSON. */
const LARGEST_BODY = 4 * 1024 * 1024;

/** Microsoft Graph: looks at the token, the size and the permission, and has the request carried out. */
export class GraphService {
  readonly #options: GraphServiceOptions;

  constructor(options: GraphServiceOptions) {
    this.#options = options;
  }

  /** @throws Refusal */
  answer(request: IncomingRequest): Reply {
    const { graph, signIn, date, ...settings } = this.#options;
    const grant = authorize(signIn, request.headers, graph);
    if (request.body.length > LARGEST_BODY) return htmlPage(413, "Request Entity Too Large");
    const found = findRoute(request.method, request.url);
    if (!found) return graphError(400, "BadRequest", "Resource not found for the segment.");
    const { route, version, parameters } = found;
    if (!isPermitted(route, grant.application.permissions)) return forbidden(route);
    return route.handler({ ...request, ...settings, version, parameters, grant, date: date() });
  }
}

function isPermitted({ permissions }: Route, given: readonly string[] | undefined): boolean {
  return given === undefined || permissions.some((permission) => given.includes(permission));
}

function forbidden({ isOutlook }: Route): Reply {
  return isOutlook
    ? graphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    : graphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
}
