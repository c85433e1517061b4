import { join } from 'node:path';
import { productionFlags } from '../api-servers.ts';
import type { Closers } from '../closers.ts';
import { startForked } from '../forked.ts';
import type { Stores } from '../stores.ts';
import type { Projected, ProjectorAnswer, ProjectorRequest, ProjectorSettings, Route } from './protocol.ts';

export interface ProjectorProcess {
  readonly pid: number;
  /** @returns what stops the projector, and tells what it did */
  follow(route: Route): Promise<() => Promise<Projected>>;
  end(): Promise<void>;
}

/** @param profileDir where it leaves what V8 saw, when it ends */
export async function startProjectorProcess(
  { natsUrl }: Pick<Stores, 'natsUrl'>,
  closers: Closers,
  profileDir?: string,
): Promise<ProjectorProcess> {
  const settings: ProjectorSettings = { natsUrl };
  const forked = await startForked<ProjectorRequest, ProjectorAnswer>({
    name: 'projector',
    file: join(import.meta.dirname, 'projector.main.ts'),
    settings,
    flags: productionFlags,
    closers,
    profileDir,
  });
  return {
    pid: forked.pid,
    follow: async (route) => {
      await forked.ask({ ask: 'follow', route }, 'following');
      return () => forked.ask({ ask: 'stop' }, 'stopped');
    },
    end: () => forked.end({ ask: 'end' }),
  };
}
