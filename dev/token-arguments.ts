import { parseArgs } from 'node:util';
import { subjectSchema } from '../api/auth/claims.ts';
import { roles, type Role } from '../api/auth/principal.ts';
import { customerIdSchema } from '../domain/ids.ts';
import { StartError } from './servers/progress.ts';

export interface TokenRequest {
  readonly roles: readonly Role[];
  readonly customerId: string | undefined;
  readonly subject: string;
  readonly expiresInS: number;
}

export const tokenUsage = `npm run --silent token -- --role ROLE [--role ROLE…] [--customer ID] [--subject NAME] [--expires TIME]

Prints a token that the stack of this clone takes, signed with the key that npm start has made.

  --role       ${roles.join(', ')}; may be repeated
  --customer   whose orders are the caller's own, such as customer-1; --role customer needs it
  --subject    who it is, as the audit will say (demo)
  --expires    after how long it ends: 90s, 15m, 8h, 7d (1h)

  curl -H "authorization: Bearer $(npm run --silent token -- --role operator --subject maria)" http://127.0.0.1:3000/orders`;

const unitsInS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** @throws StartError that says what is wrong and shows the usage; undefined: only the usage is asked for */
export function parseTokenArguments(args: readonly string[]): TokenRequest | undefined {
  const given = read(args);
  if (given.help) return undefined;
  const granted = given.role.map(
    (name) =>
      roles.find((role) => role === name) ??
      wrong(`--role ${name} is not known; it can be ${roles.join(', ')}`),
  );
  if (granted.length === 0) wrong('--role is missing');
  const { customer: customerId, subject } = given;
  if (customerId === undefined && granted.includes('customer'))
    wrong('--role customer needs --customer, such as --customer customer-1');
  const faults = customerId === undefined ? [] : (customerIdSchema.safeParse(customerId).error?.issues ?? []);
  for (const { message } of faults) wrong(`--customer ${message}`);
  if (!subjectSchema.safeParse(subject).success) wrong('--subject must have 1 to 100 characters in one line');
  return { roles: granted, customerId, subject, expiresInS: secondsOf(given.expires) };
}

interface Given {
  readonly help: boolean;
  readonly role: readonly string[];
  readonly customer?: string | undefined;
  readonly subject: string;
  readonly expires: string;
}

function read(args: readonly string[]): Given {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        role: { type: 'string', multiple: true, default: [] },
        customer: { type: 'string' },
        subject: { type: 'string', default: 'demo' },
        expires: { type: 'string', default: '1h' },
      },
    }).values;
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function secondsOf(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  if (count === undefined) return wrong(`--expires ${text} is no time; write 90s, 15m, 8h or 7d`);
  return Number(count) * unitsInS[unit as keyof typeof unitsInS];
}

function wrong(reason: string): never {
  throw new StartError(`${reason}\n\n${tokenUsage}`);
}
