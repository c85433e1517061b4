import { join } from 'node:path';
import type { Closers } from '../closers.ts';
import { startForked } from '../forked.ts';
import { cpuOf, cpuPer, type CpuSeconds, type ProcessIds } from '../measure/cpu.ts';
import type { Load, Read, ReadAnswer, ReadRequest } from './reads-protocol.ts';

export interface ReadResult extends Read {
  readonly perSecond: number;
  /** Process → CPU seconds per answer; the readers' are under `readers`. */
  readonly cpu: CpuSeconds;
}

export interface Readers {
  /** @param processes whose CPU is read @throws Error when a request is not answered 200 */
  read(load: Load, processes: ProcessIds): Promise<ReadResult>;
  end(): Promise<void>;
}

export async function startReaders(closers: Closers): Promise<Readers> {
  const forked = await startForked<ReadRequest, ReadAnswer>({
    name: 'readers',
    file: join(import.meta.dirname, 'readers.main.ts'),
    settings: {},
    closers,
  });
  return {
    read: async (load, processes) => {
      const all = { ...processes, readers: forked.pid };
      const before = cpuOf(all);
      const read = await forked.ask({ ask: 'read', ...load }, 'read');
      if (read.failed > 0) throw new Error(`${read.failed} requests to ${load.url} were not answered 200`);
      const perSecond = read.answered / read.seconds;
      return { ...read, perSecond, cpu: cpuPer(before, cpuOf(all), read.answered) };
    },
    end: () => forked.end({ ask: 'end' }),
  };
}
