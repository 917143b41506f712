import { type Books, isBalanced, outcomeCount, outcomeKinds } from "../../outcome.js";
import { type Markup, markup } from "./markup.js";
import { number, octets, outcomeWords } from "./words.js";

/** The equation that every promise rests on, as a reader can check it: found is the sum of the outcomes. */
export function booksSection(books: Books, leftOut: { readonly folders: number; readonly messages: number }): Markup {
  const rest = books.found - outcomeCount(books);
  const rows = outcomeKinds.map(
    (
      kind,
    ) => markup`<tr><th scope="row"><i class="key ${kind}"></i>${outcomeWords[kind]}</th><td>${number(books[kind])}</td></tr>
`,
  );
  return markup`<section>
<h2>The books</h2>
${bar(books)}
<table class="books">
<tbody>
${rows}</tbody>
<tfoot>
<tr><th scope="row">with an outcome</th><td>${number(outcomeCount(books))}</td></tr>
<tr><th scope="row">found at the source</th><td>${number(books.found)}</td></tr>
${
  isBalanced(books)
    ? []
    : markup`<tr class="bad"><th scope="row">without an outcome yet</th><td>${number(rest)}</td></tr>
`
}</tfoot>
</table>
<p class="${isBalanced(books) ? "good" : "bad"}">${
    isBalanced(books)
      ? "The books balance: every message found has exactly one outcome."
      : "The books do not balance: start the batch again."
  }</p>
<p class="note">${octets(books.octetsCopied)} copied.${
    books.uncertain > 0 ? ` ${number(books.uncertain)} of the copied may stand there twice.` : ""
  }${
    leftOut.folders > 0
      ? ` Outside of these books: ${number(leftOut.messages)} messages in ${number(leftOut.folders)} folders that are left out.`
      : ""
  }</p>
</section>
`;
}

/** One bar of the outcomes, each by its share. */
export function bar(books: Books): Markup {
  const total = Math.max(books.found, outcomeCount(books));
  const segments = outcomeKinds
    .filter((kind) => books[kind] > 0)
    .map((kind) => {
      const label = `${number(books[kind])} ${outcomeWords[kind]}`;
      return markup`<i class="${kind}" style="flex-grow:${books[kind] / total}" title="${label}"></i>`;
    });
  const rest = total - outcomeCount(books);
  const open =
    rest > 0 ? [markup`<i class="open" style="flex-grow:${rest / total}" title="${number(rest)} to do"></i>`] : [];
  return markup`<div class="bar" aria-hidden="true">${[...segments, ...open]}</div>`;
}
