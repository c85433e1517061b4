import { join } from 'node:path';
import type { Closers } from '../closers.ts';
import { startForked } from '../forked.ts';
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

/** Sagas a second that no machine has reached so far; from the first cell on, what was reached. */
const FIRST_GUESS = 60;

/** @param profileDir where it leaves what V8 saw, when it ends */
export async function startVariant(
  settings: VariantSettings,
  closers: Closers,
  profileDir?: string,
): Promise<VariantProcess> {
  const variant = await startForked<VariantRequest, VariantAnswer>({
    name: settings.name,
    file: join(import.meta.dirname, 'variant.main.ts'),
    settings,
    closers,
    profileDir,
  });
  let fastest = FIRST_GUESS;
  return {
    measure: async (cell, processes) => {
      const seconds = (cell.warmUpMs + cell.measureMs) / 1_000;
      const orders = cell.concurrency + Math.ceil(fastest * 3 * seconds);
      await variant.ask({ ask: 'prepare', orders }, 'prepared');
      const { measured, endedAtMicros: to } = await variant.ask(
        { ask: 'measure', ...cell, processes },
        'measured',
      );
      fastest = Math.max(fastest, measured.perSecond);
      return { measured, period: { from: to - cell.measureMs * 1_000, to } };
    },
    end: () => variant.end({ ask: 'end' }),
  };
}
