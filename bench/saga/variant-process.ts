import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { settledWithin } from '../../dev/servers/child.ts';
import type { Closers } from '../closers.ts';
import type { ProcessIds } from '../measure/cpu.ts';
import type { Measured } from '../measure/loops.ts';
import type { Period } from '../measure/profile.ts';
import type { VariantAnswer, VariantRequest, VariantSettings } from './protocol.ts';

interface Cell {
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface VariantProcess {
  /** @param processes whose CPU is read beside its own. */
  readonly measure: (cell: Cell, processes: ProcessIds) => Promise<{ measured: Measured; period: Period }>;
  /** Resolves when it has ended in good order. */
  readonly end: () => Promise<void>;
}

const END_LIMIT_MS = 20_000;
/** Sagas a second that no machine has reached so far; from the first cell on, what was reached. */
const FIRST_GUESS = 60;

/** @param profileDir where it leaves what V8 saw, when it ends */
export async function startVariant(
  settings: VariantSettings,
  closers: Closers,
  profileDir?: string,
): Promise<VariantProcess> {
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir];
  const child = fork(join(import.meta.dirname, 'variant.main.ts'), [JSON.stringify(settings)], {
    execArgv: ['--import', 'tsx', ...profiling],
    // Ctrl-C in a terminal reaches the driver alone, which ends everything in order.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  closers.add(settings.name, async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  await nextAnswer(child, 'ready');

  const ask = async <T extends VariantAnswer['is']>(
    request: VariantRequest,
    expected: T,
  ): Promise<Answer<T>> => {
    const answer = nextAnswer(child, expected);
    child.send(request);
    return answer;
  };
  let fastest = FIRST_GUESS;
  return {
    measure: async (cell, processes) => {
      const seconds = (cell.warmUpMs + cell.measureMs) / 1_000;
      const orders = cell.concurrency + Math.ceil(fastest * 3 * seconds);
      await ask({ ask: 'prepare', orders }, 'prepared');
      const { measured, endedAtMicros: to } = await ask({ ask: 'measure', ...cell, processes }, 'measured');
      fastest = Math.max(fastest, measured.perSecond);
      return { measured, period: { from: to - cell.measureMs * 1_000, to } };
    },
    end: async () => {
      child.send({ ask: 'end' } satisfies VariantRequest);
      if (!(await settledWithin(exited, END_LIMIT_MS))) throw new Error(`${settings.name} did not end`);
    },
  };
}

type Answer<T extends VariantAnswer['is']> = Extract<VariantAnswer, { is: T }>;

async function nextAnswer<T extends VariantAnswer['is']>(
  child: ChildProcess,
  expected: T,
): Promise<Answer<T>> {
  const over = new AbortController();
  try {
    const answer = await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([message]) => message as VariantAnswer),
      once(child, 'exit', { signal: over.signal }).then(([code]): never => {
        throw new Error(`the process of a variant ended with code ${String(code)}`);
      }),
    ]);
    if (answer.is === 'failed') throw new Error(answer.reason);
    if (answer.is !== expected) throw new Error(`answered ${answer.is} where ${expected} was expected`);
    return answer as Answer<T>;
  } finally {
    over.abort();
  }
}
