/** What is used of msw's `http`, so that nobody has to load msw who does not use it. */
export interface MswHttp<Handler> {
  all(path: string, resolver: (call: { request: Request }) => Promise<Response>): Handler;
}

/** One handler for each of these hosts. */
export function handlersFor<Handler>(
  http: MswHttp<Handler>,
  hosts: readonly string[],
  respond: (request: Request) => Promise<Response>,
): Handler[] {
  return hosts.map((host) => http.all(`${host}/*`, ({ request }) => respond(request)));
}
