/** What only logs may hold, by kind. */
const patterns = {
  SQL: /\b(select\s[^;]{1,400}?\sfrom\s+["\w.]+|insert\s+into\s+["\w]|update\s+["\w.]+\s+set\s|delete\s+from\s+["\w]|begin;|commit;|rollback;)/i,
  table:
    /\b(messaging\.outbox|inventory\.(stock|reservations)|payments\.(payments|ledger)|shipping\.bookings|orders\.order_lines)\b/i,
  'database error':
    /(deadlock detected|ShareLock|violates \w+ constraint|Connection terminated|Knex|statement timeout|SQL statement)/,
  'stack trace': /(^|\n|\\n)\s*at\s+\S[^\n]{0,300}[:)]\d*|\(\S+:\d+:\d+\)/,
  path: /(\/[\w.@+-]+)+\/[\w.@+-]+\.[cm]?[jt]sx?\b|node_modules|file:\/\//,
  address:
    /\b\d{1,3}(\.\d{1,3}){3}\b|\blocalhost\b|\[?::1\]?:\d+|\b(ECONN\w+|ENOTFOUND|EPIPE|ETIMEDOUT|EHOSTUNREACH)\b/,
} as const;

export interface Leak {
  readonly kind: keyof typeof patterns;
  /** The text around it. */
  readonly excerpt: string;
}

const AROUND = 80;

/** Finds technical text: SQL, stack traces, paths of code, network addresses. @returns nothing where all is well */
export function leaksIn(text: string): Leak[] {
  return (Object.keys(patterns) as (keyof typeof patterns)[]).flatMap((kind) => {
    const found = patterns[kind].exec(text);
    if (!found) return [];
    const from = Math.max(0, found.index - AROUND);
    return [{ kind, excerpt: text.slice(from, found.index + found[0].length + AROUND) }];
  });
}

const MOST_DEPTH = 100;

/**
 * Finds it in every string of a value, however deep. Bytes, as Temporal's payloads have them, are read as text.
 * @param where is put before each finding
 */
export function leaksInside(value: unknown, where = '', depth = 0): string[] {
  if (typeof value === 'string')
    return leaksIn(value).map(({ kind, excerpt }) => `${where}: ${kind} in ${JSON.stringify(excerpt)}`);
  if (typeof value !== 'object' || value === null || depth > MOST_DEPTH) return [];
  if (value instanceof Uint8Array) return leaksInside(new TextDecoder().decode(value), where, depth + 1);
  return Object.entries(value).flatMap(([key, member]) =>
    leaksInside(member, where === '' ? key : `${where}.${key}`, depth + 1),
  );
}
