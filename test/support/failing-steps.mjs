import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { setImmediate, setTimeout } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import { asyncLocalStorage } from '@temporalio/activity';
import pg from 'pg';

// Loaded before the worker, this lets the first statement of every saga step fail a few times, in each kind of way in
// which PostgreSQL and its client fail. FAILURES_FILE gets a line for each.
// JavaScript, because the worker's threads load it too, and they do not read TypeScript.

/** In a row, for each step of each workflow: fewer than a step's attempts. */
const FAILURES = 3;
/** Longer than an attempt may take. */
const HANG_MS = 12_000;

/** Errors as these libraries throw them, and one that has everything in its message. */
const kinds = {
  text: () =>
    new Error(
      'select s.sku from inventory.stock s where s.sku = $1 failed at /app/dist/db/pool.js, connect 10.0.0.7:5432',
    ),
  refused: () =>
    Object.assign(
      new AggregateError(
        ['127.0.0.1', '::1'].map((address) =>
          Object.assign(new Error(`connect ECONNREFUSED ${address}:5432`), { code: 'ECONNREFUSED', address }),
        ),
        '',
      ),
      { code: 'ECONNREFUSED' },
    ),
  postgres: () =>
    Object.assign(new Error('deadlock detected'), {
      code: '40P01',
      severity: 'ERROR',
      detail: 'Process 4711 waits for ShareLock on transaction 815',
      where: 'SQL statement "update inventory.stock set reserved = 0"',
      file: 'deadlock.c',
    }),
  terminated: () => new Error('Connection terminated unexpectedly'),
};
const names = Object.keys(kinds);

if (isMainThread && process.env.FAILURES_FILE) install(process.env.FAILURES_FILE);

/** @param {string} file */
function install(file) {
  const attempts = new WeakSet();
  const failed = new Map();
  const begun = new Map();
  const hung = new Set();
  const { query } = pg.Client.prototype;

  /** @returns how this attempt of a step fails, if it does. */
  const nextFailure = (step, workflowId) => {
    const key = `${step} ${workflowId}`;
    if (!failed.has(key)) {
      failed.set(key, 0);
      begun.set(step, (begun.get(step) ?? 0) + 1);
    }
    const already = failed.get(key);
    failed.set(key, already + 1);
    // Each workflow begins with another kind.
    if (already < FAILURES) return names[(begun.get(step) + already) % names.length];
    if (already === FAILURES && !hung.has(step) && !hung.has(workflowId)) {
      hung.add(step).add(workflowId);
      return 'hangs';
    }
    return undefined;
  };

  pg.Client.prototype.query = function (config, ...rest) {
    const context = asyncLocalStorage.getStore();
    const workflowId = context?.info.workflowExecution?.workflowId ?? '';
    const callback = rest.at(-1);
    if (!/^(order|shipment)-/.test(workflowId) || typeof callback !== 'function' || attempts.has(context))
      return query.call(this, config, ...rest);
    const step = context.info.activityType;
    // One statement of an attempt decides it.
    attempts.add(context);
    const kind = nextFailure(step, workflowId);
    if (kind === undefined) return query.call(this, config, ...rest);
    appendFileSync(file, `${JSON.stringify({ step, kind, workflowId })}\n`);
    if (kind === 'hangs') setTimeout(() => callback(kinds.terminated()), HANG_MS).unref();
    else setImmediate(() => callback(kinds[kind]()));
    return undefined;
  };
}
