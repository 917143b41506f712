/** The same items, so many at a time. */
export async function* windows<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let window: Item[] = [];
  for await (const item of items) {
    window.push(item);
    if (window.length < size) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}
