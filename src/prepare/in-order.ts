/**
 * Does something with each of these, a few at a time, and yields what came of it in their order. An error ends it once
 * those before it were yielded.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = [];
  for (const item of items) {
    const result = work(item);
    result.catch(() => {}); // it is heard when its turn comes
    underWay.push(result);
    const [first] = underWay;
    if (underWay.length < atOnce || !first) continue;
    yield await first;
    underWay.shift();
  }
  for (const result of underWay) yield await result;
}
