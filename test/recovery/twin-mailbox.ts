import type { FixtureFolder, FixtureMessage } from "../fixtures/mail/fixture-message.js";
import type { Random } from "../fixtures/mail/random.js";
import { compose, dateTime } from "../fixtures/mail/rfc5322.js";

const FOLDERS = { INBOX: 60, Sent: 40, "Archive/2024": 30, "Course notes": 20 };
const FLAGS = [["\\Seen"], ["\\Seen", "\\Answered"], ["\\Flagged", "$Forwarded"], ["projekt-x", "\\Seen"], []] as const;

/**
 * 150 small messages in four folders, made to be confused: a quarter are twins of an earlier one of the folder, octet by
 * octet and of the same date, as many have no Message-ID, and some are the same but for their date.
 */
export function twinMailbox(random: Random, octets: (random: Random) => number = smallSize): FixtureFolder[] {
  return Object.entries(FOLDERS).map(([name, count]) => {
    const messages: FixtureMessage[] = [];
    while (messages.length < count) messages.push(nextMessage(messages, random, octets));
    return { name, messages };
  });
}

function smallSize(random: Random): number {
  return random.below(10) === 0 ? 20_000 : random.below(3_000);
}

function nextMessage(
  earlier: readonly FixtureMessage[],
  random: Random,
  octets: (random: Random) => number,
): FixtureMessage {
  const kind = random.below(8);
  if (kind < 3 && earlier.length > 0) {
    const twin = random.pick(earlier);
    return kind === 2 ? { ...twin, internalDate: random.date(2015, 2025) } : twin;
  }
  const internalDate = random.date(2015, 2025);
  const header = [
    "From: Ann Beebe <annb@contoso.edu>",
    `Subject: Lunch ${random.below(5)}`,
    `Date: ${dateTime(internalDate)}`,
    ...(random.below(4) === 0 ? [] : [`Message-ID: <${random.below(2 ** 32)}@contoso.edu>`]),
  ];
  const line = `${random.below(2 ** 32)}`.padEnd(74, ".");
  const lines = 1 + Math.floor(octets(random) / 76);
  return { octets: compose(header, `${line}\r\n`.repeat(lines)), flags: random.pick(FLAGS), internalDate };
}
