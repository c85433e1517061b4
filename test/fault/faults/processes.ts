import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describeExit } from '../../../dev/servers/child.ts';
import type { BreakableProcess } from '../../support/breakable-stack.ts';
import { eventually } from '../../support/eventually.ts';
import { throttle } from '../../support/throttle.ts';
import type { Fault } from './fault.ts';

const CRASH_WITHIN_MS = 60_000;
const THROTTLED_MS = 40_000;
const THROTTLED_SHARE = 0.15;
/** A worker that accepts more than it finishes in time throws away hundreds. */
const MOST_THROWN_AWAY = 20;
/** Several times as long as a relay's heartbeat may be missing, after which another one takes its shard over. */
const TAKEN_OVER_WITHIN_MS = 60_000;

export const kill9 = (name: BreakableProcess): Fault => ({
  name: `kill -9 of the ${name}`,
  run: async ({ stack: { processes } }, delayMs) => {
    await pause(delayMs);
    await processes.kill(name);
    await processes.start(name);
  },
});

/** Ends a process at a named point of `crash-points.mjs`, under load. */
export const crashAt = (name: BreakableProcess, point: string): Fault => ({
  name: `${name} dies ${point}`,
  run: async ({ stack: { processes } }, delayMs) => {
    await processes.stop(name);
    await processes.start(name, {
      until: 'alive',
      imports: ['./test/fault/crash-points.mjs'],
      env: { CRASH_POINT: point, CRASH_AFTER_MS: String(2_000 + delayMs) },
    });
    const exit = await Promise.race([processes.exited(name), pause(CRASH_WITHIN_MS)]);
    if (exit?.signal !== 'SIGKILL') {
      const last = (await processes.logOf(name)).slice(-3).map((entry) => JSON.stringify(entry));
      throw new Error(
        `${name} ${exit ? describeExit(exit) : 'still runs'} instead of dying ${point}:\n${last.join('\n')}`,
      );
    }
    await processes.start(name);
  },
});

export const pausedRelay: Fault = {
  name: 'a relay is paused, taken over, and resumed',
  run: async ({ stack: { processes, db } }) => {
    await processes.start('second-worker');
    const shard = async (): Promise<{ owner: string; epoch: string }> => {
      const row = await db<{ shard: number; owner: string; epoch: string }>('messaging.outbox_cursor')
        .where({ shard: 0 })
        .first('owner', 'epoch');
      if (!row) throw new Error('there is no shard 0');
      return row;
    };
    const running = [processes.pidOf('worker'), processes.pidOf('second-worker')];
    // After an earlier fault the shard may still be held in the name of a process that is gone.
    const { pid, epoch } = await eventually(
      async () => {
        const { owner, epoch: held } = await shard();
        const holder = Number(owner.split(':').at(-1));
        return running.includes(holder) ? { pid: holder, epoch: held } : undefined;
      },
      { what: 'a relay that runs has the shard' },
    );
    process.kill(pid, 'SIGSTOP');
    try {
      await eventually(async () => (await shard()).epoch !== epoch || undefined, {
        what: 'another relay has taken the shard over',
        withinMs: TAKEN_OVER_WITHIN_MS,
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await processes.stop('second-worker');
  },
};

export const throttledWorker: Fault = {
  name: 'the worker gets 15 % of the CPU time, and throws away next to nothing of what it does',
  run: async ({ stack: { processes } }) => {
    const pid = processes.pidOf('worker');
    assert.ok(pid, 'the worker runs');
    const thrownAway = async (): Promise<number> =>
      (await processes.logOf('worker')).filter(({ msg }) => msg === 'Task not found when completing').length;
    const before = await thrownAway();
    const release = throttle(pid, THROTTLED_SHARE);
    try {
      await pause(THROTTLED_MS);
    } finally {
      release();
    }
    const results = (await thrownAway()) - before;
    assert.ok(results <= MOST_THROWN_AWAY, `${results} results of tasks came too late`);
  },
};
