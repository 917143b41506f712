/**
 * The same mailbox; `note` is called with whatever one of its methods rejects with, or one of its listings and fetches
 * breaks off with. Nothing else changes, and where nothing fails it costs next to nothing.
 */
export function watchedMailbox<Mailbox extends object>(mailbox: Mailbox, note: (error: unknown) => void): Mailbox {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(mailbox, {
    get(inner, name) {
      const known = methods.get(name);
      if (known) return known;
      const member: unknown = Reflect.get(inner, name, inner);
      if (typeof member !== "function") return member;
      const method = (...parameters: unknown[]) => watchedResult(Reflect.apply(member, inner, parameters), note);
      methods.set(name, method);
      return method;
    },
  });
}

function watchedResult(result: unknown, note: (error: unknown) => void): unknown {
  if (result instanceof Promise) result.then(undefined, note);
  else if (isAsyncIterable(result)) return watchedIterable(result, note);
  return result;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function watchedIterable(iterable: AsyncIterable<unknown>, note: (error: unknown) => void): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = iterable[Symbol.asyncIterator]();
      return {
        next() {
          const step = iterator.next();
          step.then(undefined, note);
          return step;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
