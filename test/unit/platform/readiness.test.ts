import assert from 'node:assert/strict';
import { createLogger } from '../../../platform/logger.ts';
import { createReadiness, NotReady, type ReadinessCheck } from '../../../platform/readiness.ts';
import { leaksInside } from '../../support/internal-text.ts';

interface Entry {
  readonly check: string;
  readonly err: { readonly message: string };
}

function ready(check: ReadinessCheck): { probe: () => Promise<string | undefined>; log: Entry[] } {
  const log: Entry[] = [];
  const logger = createLogger('test', 'info', { write: (line) => log.push(JSON.parse(line) as Entry) });
  const outcomes = createReadiness({ postgres: check }, logger);
  return { probe: async () => (await outcomes())['postgres'], log };
}

const failing = (error: Error, code?: string | number): ReadinessCheck => {
  const coded = code === undefined ? error : Object.assign(error, { code });
  return () => Promise.reject(coded);
};
const SAID = 'select 1 - connect ECONNREFUSED 10.0.0.7:5432 at /app/dist/db/pool.js';

describe('readiness', () => {
  for (const [what, check, text] of [
    ['a refused connection', failing(new Error(SAID), 'ECONNREFUSED'), 'cannot be reached'],
    [
      'a host of which no address answers',
      failing(new AggregateError([Object.assign(new Error(SAID), { code: 'ECONNREFUSED' })], '')),
      'cannot be reached',
    ],
    ['a server that shuts down', failing(new Error(SAID), '57P03'), 'cannot be reached'],
    [
      'a gRPC server that is not there',
      failing(new Error('x', { cause: Object.assign(new Error(SAID), { code: 14 }) })),
      'cannot be reached',
    ],
    ['a wrong password', failing(new Error(SAID), '28P01'), 'refuses the credentials or lacks a permission'],
    ['too many connections', failing(new Error(SAID), '53300'), 'has no resources left'],
    ['a statement that took too long', failing(new Error(SAID), '57014'), 'no answer within 2000 ms'],
    ['a server that takes no writes', failing(new Error(SAID), '25006'), 'takes no writes: it is read-only'],
    ['a name that cannot be resolved now', failing(new Error(SAID), 'EAI_AGAIN'), 'cannot be reached'],
    ['a network that is down', failing(new Error(SAID), 'ENETDOWN'), 'cannot be reached'],
    ['a pooler that refuses', failing(new Error(SAID), '08P01'), 'cannot be reached'],
    [
      'a certificate that is not trusted',
      failing(new Error(SAID), 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      'no TLS connection that can be trusted; check the certificates and the address',
    ],
    ['a fault of the server', failing(new Error(SAID), 'XX000'), 'reports a fault of its own'],
    [
      'a conflict on a replica',
      failing(new Error(SAID), '40001'),
      'is busy: others hold a lock, or the statement met a conflict',
    ],
    [
      'a table that is not there',
      failing(new Error(SAID), '42P01'),
      'lacks a table, column or function; run the migrations',
    ],
    ['a code that nobody foresaw', failing(new Error(SAID), 'ZZ999'), 'cannot be used; the log of the process says why'],
    ['any other error', failing(new TypeError(SAID)), 'cannot be used; the log of the process says why'],
    ['what the check itself says', failing(new NotReady('not connected yet')), 'not connected yet'],
  ] as const)
    it(`${what} is reported with a fixed text, and its technical text is logged`, async () => {
      const { probe, log } = ready(check);
      const told = await probe();
      assert.equal(told, text);
      assert.deepEqual(leaksInside(told), []);
      const [entry] = log;
      assert.equal(entry?.check, 'postgres');
      assert.notEqual(entry.err.message, '');
    });

  it('the same problem is logged once and not with each probe, another one again', async () => {
    let error = new Error('first');
    const { probe, log } = ready(() => Promise.reject(error));
    await probe();
    await probe();
    error = new Error('second');
    await probe();
    assert.deepEqual(
      log.map(({ err }) => err.message),
      ['first', 'second'],
    );
  });

  it('a check that does not answer counts as failed', async () => {
    const { probe } = ready(() => new Promise(() => undefined));
    assert.equal(await probe(), 'no answer within 2000 ms');
  });
});
