/** Runs pieces of work one after the other, in the order in which they are given. */
export function oneAtATime(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {}); // its caller hears of it; the next piece of work does not
    return result;
  };
}
