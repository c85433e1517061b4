import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import pg from 'pg';

// Loaded before an entry point, this ends its process without warning at a named point, once the time has come; with
// CRASH_BY=SIGSTOP it pauses it there. The points are recognised by the statements that a process sends, so the application knows nothing of them.
// JavaScript, because the worker's threads load it too, and they do not read TypeScript.

/**
 * `commit`: when the transaction with that statement has committed. `answer`: when that statement, which is a transaction
 * by itself, has. `before`: instead of sending it.
 */
const points = {
  'after the commit, before the answer': { statement: /^with asked as/, at: 'answer' },
  'after publishing, before the cursor moves': { statement: /outbox_journal\s+\(shard/, at: 'before' },
  'after the reservation, before its completion': {
    statement: /^insert into inventory\.reservations/,
    at: 'commit',
  },
  'after the charge, before its completion': { statement: /^insert into "payments"\."ledger"/, at: 'commit' },
  'after the status change, before its completion': { statement: /^update "orders"\."orders"/, at: 'commit' },
  'after the booking, before its completion': { statement: /^update "shipping"\."bookings"/, at: 'commit' },
  'before the commit of a page': { statement: /^insert into read\.order_summary/, at: 'before' },
  'after the commit of a page': { statement: /^insert into read\.order_summary/, at: 'commit' },
};

if (isMainThread) install(process.env.CRASH_POINT, Number(process.env.CRASH_AFTER_MS));

/**
 * @param {string | undefined} name one of `points`
 * @param {number} afterMs from now on until the point counts
 */
function install(name, afterMs) {
  const point = points[name];
  if (!point) throw new Error(`no crash point "${name}"; there are: ${Object.keys(points).join(', ')}`);
  const armedAt = Date.now() + afterMs;
  const doomed = new WeakSet();
  let isPaused = false;
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (config, ...rest) {
    const text = (typeof config === 'string' ? config : config.text).trim();
    if (!isPaused && Date.now() >= armedAt && point.statement.test(text)) {
      if (point.at === 'before') {
        isPaused = true;
        crash();
      }
      if (point.at === 'answer') {
        const callback = rest.pop();
        return query.call(this, config, ...rest, (error, result) =>
          error ? callback(error, result) : crash(),
        );
      }
      doomed.add(this);
    }
    const isCommit = /^commit/i.test(text);
    if (isCommit && doomed.has(this)) return query.call(this, config, crash);
    if (isCommit || /^rollback;?$/i.test(text)) doomed.delete(this);
    return query.call(this, config, ...rest);
  };
}

function crash() {
  if (process.env.CRASH_BY === 'SIGSTOP') {
    process.kill(process.pid, 'SIGSTOP');
    return;
  }
  process.kill(process.pid, 'SIGKILL');
  // The signal may be delivered a moment later, and nothing may happen in it.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}
