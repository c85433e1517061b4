import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'nats';
import { describeExit } from '../../dev/servers/child.ts';
import { eventually } from '../support/eventually.ts';
import type { BreakableProcess, BreakableStack } from '../support/breakable-stack.ts';

/** Something that goes wrong, and is over when the promise resolves: what was broken runs again. */
interface Fault {
  readonly name: string;
  /** @param delayMs a random moment, up to 2 s */
  readonly run: (stack: BreakableStack, delayMs: number) => Promise<void>;
}

const CRASH_WITHIN_MS = 60_000;
/** Longer than a relay's heartbeat may be missing, so that another one takes its shard over. */
const PAUSE_MS = 12_000;
const TEMPORAL_DOWN_MS = 60_000;

const kill9 = (name: BreakableProcess): Fault => ({
  name: `kill -9 of the ${name}`,
  run: async ({ processes }, delayMs) => {
    await pause(delayMs);
    await processes.kill(name);
    await processes.start(name);
  },
});

/** Ends a process at a named point of `crash-points.mjs`, under load. */
const crashAt = (name: BreakableProcess, point: string): Fault => ({
  name: `${name} dies ${point}`,
  run: async ({ processes }, delayMs) => {
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

export const faults: readonly Fault[] = [
  kill9('command-api'),
  kill9('query-api'),
  kill9('worker'),
  kill9('projector'),
  crashAt('command-api', 'after the commit, before the answer'),
  crashAt('worker', 'after publishing, before the cursor moves'),
  crashAt('worker', 'after the reservation, before its completion'),
  crashAt('worker', 'after the charge, before its completion'),
  crashAt('worker', 'after the status change, before its completion'),
  crashAt('worker', 'after the booking, before its completion'),
  crashAt('projector', 'after the commit of a page'),
  {
    name: 'immediate shutdown of PostgreSQL',
    run: async (stack: BreakableStack, delayMs: number): Promise<void> => {
      await stack.shutDownPostgres();
      await pause(delayMs);
      await stack.startServer('postgres');
    },
  },
  {
    name: 'kill -9 of nats-server',
    run: async (stack: BreakableStack, delayMs: number): Promise<void> => {
      await stack.killServer('nats');
      await pause(delayMs);
      await stack.startServer('nats');
    },
  },
  {
    name: 'Temporal is down for a minute',
    run: async (stack: BreakableStack): Promise<void> => {
      await stack.killServer('temporal');
      await pause(TEMPORAL_DOWN_MS);
      await stack.startServer('temporal');
    },
  },
  {
    name: 'a relay is paused, taken over, and resumed',
    run: async ({ processes, db }: BreakableStack): Promise<void> => {
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
          withinMs: PAUSE_MS * 5,
        });
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await processes.stop('second-worker');
    },
  },
  {
    name: 'every message is delivered twice',
    run: ({ natsUrl, streamName }) => repeatStream(natsUrl, streamName),
  },
  {
    name: 'the stream’s file is deleted',
    run: async (stack: BreakableStack): Promise<void> => {
      await stack.killServer('nats');
      await stack.deleteStreamFiles();
      await stack.startServer('nats');
    },
  },
];

/** Stores everything that the stream holds once more, under new sequences and without the id that would be noticed. */
async function repeatStream(natsUrl: string, stream: string): Promise<void> {
  const connection = await connect({ servers: natsUrl });
  try {
    const manager = await connection.jetstreamManager();
    const jetstream = connection.jetstream();
    // After an earlier fault the stream may just be filled again.
    const { first_seq: first, last_seq: last } = await eventually(
      async () => {
        const { state } = await manager.streams.info(stream);
        return state.messages > 0 ? state : undefined;
      },
      { what: 'the stream holds something' },
    );
    for (let sequence = first; sequence <= last; sequence++) {
      const { subject, data } = await manager.streams.getMessage(stream, { seq: sequence });
      await jetstream.publish(subject, data);
    }
  } finally {
    await connection.close();
  }
}
