import { parseArgs } from 'node:util';

export const usage = `npm run sagas -- orphans              open orders whose saga does not run
npm run sagas -- orphans --json       the same for programs, one JSON object a line
npm run sagas -- show <orderId>       where the sagas of an order are, with attempts and last error, as JSON
npm run sagas -- restart <orderId>    starts the saga of an order again
npm run sagas -- restart --all        does so for all orphans

orphans ends with 0 when there are none, and with 1 when there are some. restart ends with 0 when the saga or all sagas
were started, and with 1 when there was nothing to start (the saga runs, the order has ended or does not exist) or one
could not be started. show ends with 1 when the order has no saga. All end with 2 when they could not look. Orders that have changed within SAGA_ORPHAN_AFTER_MS are
left out, but for the one that is named.

They use DATABASE_URL, NATS_*, STREAM_PREFIX, TEMPORAL_*, SAGA_ORPHAN_AFTER_MS and, to start sagas, the saga settings,
which must be those of the worker.`;

export type SagasCommand =
  | { readonly name: 'orphans'; readonly json: boolean }
  | { readonly name: 'show'; readonly orderId: string }
  | { readonly name: 'restart'; readonly orderId: string }
  | { readonly name: 'restart-all' };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws Error that says what is wrong with them */
export function readArguments(args: readonly string[]): SagasCommand {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, all: { type: 'boolean', default: false } },
  });
  const [name, orderId, ...more] = positionals;
  if (more.length > 0) throw new Error(`${more.join(' ')} is one argument too many`);
  if (name === 'orphans') {
    if (orderId !== undefined || values.all) throw new Error('orphans takes --json alone');
    return { name, json: values.json };
  }
  if (name !== 'restart' && name !== 'show')
    throw new Error(`say orphans, show or restart${name === undefined ? '' : `, not ${name}`}`);
  if (values.json) throw new Error(`${name} does not take --json`);
  if (name === 'show') {
    if (values.all || orderId === undefined) throw new Error('show takes an order id alone');
    return { name, orderId: checkedId(orderId) };
  }
  if (values.all !== (orderId === undefined)) throw new Error('restart takes either an order id or --all');
  if (orderId === undefined) return { name: 'restart-all' };
  return { name, orderId: checkedId(orderId) };
}

function checkedId(orderId: string): string {
  if (!UUID.test(orderId)) throw new Error(`${orderId} is not an order id; it is a UUID in lower case`);
  return orderId;
}
