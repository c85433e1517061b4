import { join } from 'node:path';
import type { Closers } from '../closers.ts';
import { startForked } from '../forked.ts';
import { cpuOf, type CpuSeconds, type ProcessIds } from '../measure/cpu.ts';
import type { Load, LoadAnswer, Loaded, LoadRequest } from './protocol.ts';

export interface LoadResult extends Loaded {
  /** Accepted orders per second. */
  readonly perSecond: number;
  /** Process → CPU seconds per accepted order; the clients' are under `clients`. */
  readonly cpu: CpuSeconds;
  /** Share of one core that the clients took. */
  readonly clientsCore: number;
}

export interface Clients {
  /** @param processes whose CPU is read @throws Error when a request got neither 202 nor a refusal */
  load(load: Omit<Load, 'tokens'>, processes: ProcessIds): Promise<LoadResult>;
  end(): Promise<void>;
}

export async function startClients(closers: Closers, tokens: readonly string[]): Promise<Clients> {
  const forked = await startForked<LoadRequest, LoadAnswer>({
    name: 'clients',
    file: join(import.meta.dirname, 'load.main.ts'),
    settings: {},
    closers,
  });
  return {
    load: async (load, processes) => {
      const all = { ...processes, clients: forked.pid };
      const before = cpuOf(all);
      const loaded = await forked.ask({ ask: 'load', ...load, tokens: [...tokens] }, 'loaded');
      const after = cpuOf(all);
      if (loaded.failed > 0) throw new Error(`${loaded.failed} requests were answered neither 202 nor 503`);
      const used = (name: string): number => (after[name] ?? Number.NaN) - (before[name] ?? Number.NaN);
      return {
        ...loaded,
        perSecond: loaded.accepted / loaded.seconds,
        cpu: Object.fromEntries(Object.keys(all).map((name) => [name, used(name) / loaded.accepted])),
        clientsCore: used('clients') / loaded.seconds,
      };
    },
    end: () => forked.end({ ask: 'end' }),
  };
}
