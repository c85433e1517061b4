import { parseArgs } from 'node:util';

export const usage = `npm run set-back -- status             what the stream knows and the database does not
npm run set-back -- take-back          writes that back into the database: orders, outbox, stock, products
npm run set-back -- publish-from-here  removes it from the stream, ends the sagas that are ahead, rebuilds the views
  --json      the report as JSON (status)
  --save <file>  where the lost events are kept, one JSON a line (set-back-<time>.jsonl)
  --yes       without asking

status ends with 0 when nothing was lost, 1 when something was, 2 when it could not look. The others end with 0 when
the relays publish again, 1 when something is left to decide or to do by hand, 2 when they failed or were not confirmed;
they may be run again after an interruption.
It uses DATABASE_URL and READ_DATABASE_URL as the owner, NATS_*, STREAM_PREFIX, and TEMPORAL_* for publish-from-here.`;

const commands = ['status', 'take-back', 'publish-from-here'] as const;
type Command = (typeof commands)[number];

export interface SetBackRequest {
  readonly command: Command;
  readonly json: boolean;
  readonly yes: boolean;
  readonly save: string;
}

/** @throws Error saying what is wrong with the arguments */
export function parseRequest(args: readonly string[], now: Date): SetBackRequest {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      save: { type: 'string', default: `set-back-${now.toISOString().replaceAll(/[:.]/g, '-')}.jsonl` },
    },
  });
  const [command = 'status', ...more] = positionals;
  if (!isCommand(command) || more.length > 0) throw new Error(`there is no command ${positionals.join(' ')}`);
  return { command, ...values };
}

const isCommand = (given: string): given is Command => (commands as readonly string[]).includes(given);
