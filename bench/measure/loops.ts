import { setTimeout as pause } from 'node:timers/promises';
import { cpuOf, cpuPer, type CpuSeconds, type ProcessIds } from './cpu.ts';
import { percentile } from './statistics.ts';

/** What one loop measured in its window. */
export interface Measured {
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Process → CPU seconds per act. */
  readonly cpu: CpuSeconds;
}

interface Window {
  /** At least; a closed loop warms up until every lane has acted once, or it would count none of the slow ones. */
  readonly warmUpMs: number;
  /** At least; longer when the warm-up took long. */
  readonly measureMs: number;
  /** Whose CPU is read. */
  readonly processes: ProcessIds;
}

/** Lanes that began together end in waves at first; a window must see several of them. */
const WARM_UPS_PER_WINDOW = 2;

/**
 * Lanes that act one after the other without a pause. What ends within the window counts.
 * @param act returns false when there is nothing left to do, which ends the window
 */
export async function closedLoop(
  concurrency: number,
  window: Window,
  act: () => Promise<boolean>,
): Promise<Measured> {
  const stopping = new AbortController();
  const record = createRecord();
  const actOnce = async (): Promise<boolean> => {
    const startedAt = performance.now();
    const acted = await act();
    if (acted) record.add(performance.now() - startedAt);
    return acted;
  };
  const goOn = async (acted: boolean): Promise<void> => {
    for (let more = acted; more && !stopping.signal.aborted;) more = await actOnce();
  };
  const firsts = Array.from({ length: concurrency }, actOnce);
  const lanes = Promise.all(firsts.map((first) => first.then(goOn)));
  try {
    return await record.during(window, lanes, Promise.all(firsts));
  } finally {
    stopping.abort();
    await lanes;
  }
}

/**
 * Acts at a steady rate, whether or not earlier acts have ended. Times count from when an act was due, so that a
 * driver that falls behind does not hide it.
 */
export async function openLoop(
  perSecond: number,
  window: Window,
  act: () => Promise<unknown>,
): Promise<Measured> {
  if (!(perSecond > 0)) throw new RangeError(`a rate of ${perSecond} per second cannot be kept`);
  const stopping = new AbortController();
  const record = createRecord();
  const acts: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const began = performance.now();
  const pacing = (async () => {
    for (let next = 0; !stopping.signal.aborted && failures.length === 0; next++) {
      const due = began + (next * 1_000) / perSecond;
      if (due > performance.now()) await pause(due - performance.now());
      const ended = act().then(() => {
        record.add(performance.now() - due);
      });
      acts.push(ended.catch((error: unknown) => failures.push(error)));
    }
    await Promise.all(acts);
    if (failures.length > 0) throw new AggregateError(failures, 'some of the acts failed');
  })();
  try {
    return await record.during(window, pacing);
  } finally {
    stopping.abort();
    await pacing;
  }
}

interface Record {
  add(ms: number): void;
  /** @param running ends the window when it ends early. @param warm ends the warm-up. @throws what they reject with */
  during(window: Window, running: Promise<unknown>, warm?: Promise<unknown>): Promise<Measured>;
}

function createRecord(): Record {
  let times: number[] = [];
  return {
    add: (ms) => {
      times.push(ms);
    },
    during: async ({ warmUpMs, measureMs, processes }, running, warm) => {
      const began = performance.now();
      await Promise.race([Promise.all([pause(warmUpMs), warm]), running]);
      const [startedAt, cpuBefore] = [performance.now(), cpuOf(processes)];
      times = [];
      const lengthMs = Math.max(measureMs, WARM_UPS_PER_WINDOW * (startedAt - began));
      await Promise.race([pause(lengthMs), running]);
      const [seconds, inWindow, cpuAfter] = [
        (performance.now() - startedAt) / 1_000,
        times,
        cpuOf(processes),
      ];
      times = [];
      return {
        count: inWindow.length,
        perSecond: inWindow.length / seconds,
        p50: percentile(inWindow, 0.5),
        p99: percentile(inWindow, 0.99),
        cpu: cpuPer(cpuBefore, cpuAfter, inWindow.length),
      };
    },
  };
}
