import type { Facts } from './facts.ts';

/** What only logs may say: by what is recognised as such. */
const internal: Readonly<Record<string, RegExp>> = {
  SQL: /\b(select\b[^"]*\bfrom|insert into|delete from|update\b[^"]*\bset)\b|\b(orders|inventory|payments|shipping|messaging)"?\."?(orders|stock|reservations|payments|ledger|bookings|outbox)\b/i,
  'a stack trace': /\n\s+at \S|\\n\s+at \S|\bat (async )?[\w.<>]+ \([^)]*:\d+:\d+\)/,
  'a path': /file:\/\/|node_modules|(\/[\w.-]+)+\.[cm]?[jt]s\b/,
  'an address': /\b\d{1,3}(\.\d{1,3}){3}:\d+\b|\blocalhost:\d+/,
  'an error of the system': /\bE(CONNREFUSED|CONNRESET|PIPE|NOTFOUND|TIMEDOUT|HOSTUNREACH|NOSPC|AI_AGAIN)\b/,
  'an error of the database':
    /Connection terminated|\bKnex\b|canceling statement|terminating connection|the database system|deadlock detected|could not (extend|write)|No space left|violates .* constraint/i,
};

const SHOWN_CHARACTERS = 160;

/** @returns an entry per kind of text and place */
export function leaksIn({ texts }: Pick<Facts, 'texts'>): string[] {
  const found = new Map<string, string>();
  for (const { place, text } of texts)
    for (const [what, pattern] of Object.entries(internal)) {
      const match = pattern.exec(text);
      if (!match || found.has(`${place} ${what}`)) continue;
      const from = Math.max(0, match.index - SHOWN_CHARACTERS / 2);
      found.set(`${place} ${what}`, `${place} shows ${what}: …${text.slice(from, from + SHOWN_CHARACTERS)}…`);
    }
  return [...found.values()];
}
