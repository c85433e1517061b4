import { join } from 'node:path';
import { productionFlags } from '../api-servers.ts';
import type { Closers } from '../closers.ts';
import { startForked } from '../forked.ts';
import type { Stores } from '../stores.ts';
import type { ProjectorSettings, RebuildAnswer, RebuildRequest, Route } from './protocol.ts';

export interface Rebuilder {
  readonly pid: number;
  /** @returns seconds, from the beginning of the build to the swap */
  rebuild(route: Route): Promise<number>;
  end(): Promise<void>;
}

export async function startRebuilder(
  { natsUrl }: Pick<Stores, 'natsUrl'>,
  closers: Closers,
): Promise<Rebuilder> {
  const settings: ProjectorSettings = { natsUrl };
  const forked = await startForked<RebuildRequest, RebuildAnswer>({
    name: 'rebuilder',
    file: join(import.meta.dirname, 'rebuilder.main.ts'),
    settings,
    flags: productionFlags,
    closers,
  });
  return {
    pid: forked.pid,
    rebuild: async (route) => (await forked.ask({ ask: 'rebuild', route }, 'rebuilt')).seconds,
    end: () => forked.end({ ask: 'end' }),
  };
}
