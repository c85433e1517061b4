import { setTimeout as pause } from 'node:timers/promises';
import { cpuPer, type CpuSeconds } from '../measure/cpu.ts';
import { figure } from '../measure/table.ts';
import { idleMs } from '../scenarios/relay.ts';
import { routeTo, withStream, type RelayRun } from './relay-run.ts';

/** By then its poll is as slow as it gets. */
const SETTLE_MS = 2_000;

/** A round: CPU seconds per second. */
export interface IdleCell {
  readonly what: 'connected, no relay' | 'relay';
  readonly cpu: CpuSeconds;
}

/** What a relay costs that has nothing to do, beside the same process without one. */
export const measureIdle = (run: RelayRun): Promise<IdleCell[]> =>
  withStream(run, 'idle-', async (prefix) => {
    const route = await routeTo(run, 'idle', prefix);
    const cells: IdleCell[] = [];
    const watch = async (what: IdleCell['what']): Promise<void> => {
      await pause(SETTLE_MS);
      const before = run.relays.cpu();
      await pause(idleMs);
      const cpu = cpuPer(before, run.relays.cpu(), idleMs / 1_000);
      cells.push({ what, cpu });
      run.progress(`idle, ${what}: ${figure(100 * (cpu['relay'] ?? Number.NaN))} % of a core`);
    };
    for (let round = 0; round < run.rounds; round++) {
      await watch('connected, no relay');
      const stop = await run.relays.follow(route);
      await watch('relay');
      await stop();
    }
    return cells;
  });
