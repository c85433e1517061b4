import assert from 'node:assert/strict';
import { createLogger, type Logger } from '../../../platform/logger.ts';

interface Entry {
  readonly msg: string;
  readonly err?: { readonly message: string; readonly stack: string };
}

function logged(act: (logger: Logger) => void): Entry {
  const entries: Entry[] = [];
  act(createLogger('test', 'info', { write: (line) => entries.push(JSON.parse(line) as Entry) }));
  const [entry] = entries;
  assert.ok(entry);
  return entry;
}

const refused = (): AggregateError =>
  new AggregateError(
    ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:5432`)),
    '',
  );

describe('the log', () => {
  it('says what the members of an AggregateError say', () => {
    const entry = logged((logger) => {
      logger.warn({ err: refused() }, 'not ready');
    });
    assert.equal(entry.msg, 'not ready');
    assert.equal(entry.err?.message, 'connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432');
  });

  it('says what the cause of an error says, also where only that has members', () => {
    const { err } = logged((logger) => {
      logger.error({ err: new Error('no order was read', { cause: refused() }) }, 'failed');
    });
    assert.match(err?.message ?? '', /^no order was read: connect ECONNREFUSED ::1/);
    assert.match(err?.stack ?? '', /caused by: AggregateError/);
  });

  it('names an error without any text by its code, or by its name', () => {
    const coded = Object.assign(new Error(''), { code: 'EPIPE' });
    for (const [error, says] of [
      [coded, 'EPIPE'],
      [new TypeError(''), 'TypeError'],
    ] as const) {
      const { err } = logged((logger) => {
        logger.warn({ err: error }, 'failed');
      });
      assert.equal(err?.message, says);
    }
  });

  it('an entry without a message takes the message of its error', () => {
    for (const act of [
      (logger: Logger) => {
        logger.error(refused());
      },
      (logger: Logger) => {
        logger.error({ err: refused() });
      },
    ])
      assert.match(logged(act).msg, /^connect ECONNREFUSED ::1/);
  });

  it('an error in a circle of causes is logged', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    const { err } = logged((logger) => {
      logger.warn({ err: error }, 'failed');
    });
    assert.match(err?.message ?? '', /^a: b/);
  });
});
