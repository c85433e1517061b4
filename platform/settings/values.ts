import { existsSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';

/** Kinds of settings, each with the bounds in which it works. Messages begin with "must", after the variable's name. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Node's timers hold 2^31 - 1 ms, which is 24.8 days; what is longer ends at once. PostgreSQL's time limits do as well. */
const LONGEST_TIMER_MS = 24 * DAY_MS;

/** A whole number between bounds, both included. */
export function whole(
  least: number,
  most: number,
  error = `must be a whole number from ${least} to ${most}`,
): z.ZodCoercedNumber {
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

export const port = whole(0, 65_535);
/** Of a server that is to be found there, and so not any that is free. */
export const fixedPort = whole(1, 65_535);

/** A time that a timer of Node or a time limit of PostgreSQL holds, in ms. */
export const timer = (least = 0): z.ZodCoercedNumber => whole(least, LONGEST_TIMER_MS);

/** A time that a simulated service takes to answer: below the 10 s that a step of a saga waits for it, in ms. */
export const latency = whole(0, 8_000);

/** How long a saga waits: below a second, steps that go well would be given up. In ms. */
export const deadline = whole(1_000, 365 * DAY_MS);

const SCHEDULE = `must be 0 for never, or a whole number from 1000 to ${365 * DAY_MS}`;
/** How often Temporal starts something, in ms; 0: never. */
export const schedule = whole(0, 365 * DAY_MS, SCHEDULE).refine((every) => every === 0 || every >= 1_000, {
  error: SCHEDULE,
});

export const rate = z.coerce
  .number({ error: 'must be a number from 0 to 1' })
  .min(0, { error: 'must be a number from 0 to 1' })
  .max(1, { error: 'must be a number from 0 to 1' });

export const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

/** Parts with commas between; empty parts are left out. */
export const partsOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const list = z.string().default('').transform(partsOf);

export const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text;

/** An address, or a network that is not the whole Internet: Express takes no `/0`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const longest = isIP(address) === 6 ? 128 : 32;
  return (
    isIP(address) > 0 &&
    more.length === 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && +bits >= 1 && +bits <= longest))
  );
}

const isHostName = (text: string): boolean =>
  isIP(text) > 0 || /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(text);

export const host = z
  .string()
  .refine(isHostName, { error: 'must be an address or a host name, such as 127.0.0.1 or 0.0.0.0' });

/** `host:port`; an IPv6 address in brackets. */
export const hostAndPort = z.string().refine(
  (text) => {
    const [, name = '', number = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
    const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
    const isName = bare === name ? isHostName(name) && isIP(name) !== 6 : isIP(bare) === 6;
    return isName && +number >= 1 && +number <= 65_535;
  },
  { error: 'must be a host and a port, such as 127.0.0.1:7233 or temporal.example.com:7233' },
);

export const webUrl = z.string().refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), {
  error: 'must look like http://127.0.0.1:8233 or https://temporal.example.com',
});

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

const isPercentEncoded = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // not UTF-8
  }
};

/** node-postgres reads these when it connects. */
const TLS_FILES = ['sslcert', 'sslkey', 'sslrootcert'];

/** As node-postgres reads it: an empty host is allowed, for a socket that `?host=` names. */
const parseDatabaseUrl = (text: string): URL | undefined => {
  const withHost = text.replace('@/', '@localhost/');
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(withHost) ? new URL(withHost) : undefined;
};

export const databaseUrl = z
  .string()
  .refine(
    (text) => {
      const { username = '%', password = '%', pathname = '%' } = parseDatabaseUrl(text) ?? {};
      return [username, password, pathname].every(isPercentEncoded);
    },
    {
      error:
        'must look like postgres://user:password@host:5432/name, with special characters in user and password percent-encoded as UTF-8',
    },
  )
  .refine(
    (text) => {
      const query = parseDatabaseUrl(text)?.searchParams;
      return TLS_FILES.every((name) => isFile(query?.get(name) ?? process.execPath));
    },
    { error: `must name files that are there in ${TLS_FILES.join(', ')}` },
  );

export const namespace = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, 'must be up to 200 letters, digits, ".", "-" and "_"');

/** Of a Worker Deployment: Temporal joins both with a colon, and Kubernetes' worker controller a namespace and a name with a slash. */
export const deploymentName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_/-]{0,199}$/, 'must be up to 200 letters, digits, "-", "_" and "/"');
export const buildId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/, 'must be up to 200 letters, digits, ".", "-", "_" and "+"');

export const existingFile = z.string().refine(isFile, { error: 'must be a file that is there' });

/** A name or password that a server asks for, or what a token says: anything, in a size that servers take. */
export const credential = z
  .string()
  .refine((text) => text.length <= 2_000, { error: 'must have up to 2000 characters' });
