import pg from 'pg';

// Loaded before an entry point, this ends its process without warning at a named point, when the time has come. The
// points are recognised by the statements that a process sends, so the application knows nothing of them.

interface CrashPoint {
  readonly statement: RegExp;
  /** `commit`: when the transaction with that statement has committed. `before`: instead of sending it. */
  readonly at: 'commit' | 'before';
}

const points: Readonly<Record<string, CrashPoint>> = {
  'after the commit, before the answer': { statement: /^insert into "orders"\."orders"/, at: 'commit' },
  'after publishing, before the cursor moves': { statement: /outbox_journal\s+\(shard/, at: 'before' },
  'after the reservation, before its completion': {
    statement: /insert into inventory\.reservations/,
    at: 'commit',
  },
  'after the charge, before its completion': { statement: /^insert into "payments"\."ledger"/, at: 'commit' },
  'after the status change, before its completion': { statement: /^update "orders"\."orders"/, at: 'commit' },
  'after the booking, before its completion': { statement: /^update "shipping"\."bookings"/, at: 'commit' },
  'after the commit of a page': { statement: /insert into read\.order_summary/, at: 'commit' },
};

// Only the harness sets these; the application's settings stay in platform/config.ts.
// eslint-disable-next-line no-restricted-syntax
const { CRASH_POINT = '', CRASH_AFTER_MS = '0' } = process.env;
const point = points[CRASH_POINT];
if (!point) throw new Error(`no crash point "${CRASH_POINT}"; there are: ${Object.keys(points).join(', ')}`);
const armedAt = Date.now() + Number(CRASH_AFTER_MS);

const crash = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // The signal may be delivered a moment later, and nothing may happen in it.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
};

type Query = (this: object, config: string | { text: string }, ...rest: unknown[]) => unknown;
const clientPrototype = pg.Client.prototype as unknown as { query: Query };
const { query } = clientPrototype;
const doomed = new WeakSet();

clientPrototype.query = function (config, ...rest) {
  const text = typeof config === 'string' ? config : config.text;
  if (Date.now() >= armedAt && point.statement.test(text.trim())) {
    if (point.at === 'before') crash();
    doomed.add(this);
  }
  const isCommit = /^commit/i.test(text);
  if (isCommit && doomed.has(this)) return query.call(this, config, crash);
  if (isCommit || /^rollback;?$/i.test(text)) doomed.delete(this);
  return query.call(this, config, ...rest);
};
