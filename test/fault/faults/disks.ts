import { setTimeout as pause } from 'node:timers/promises';
import type { ServerName } from '../../support/breakable-stack.ts';
import type { Fault } from './fault.ts';

/** Under load, for so long. */
const FULL_MS = 30_000;

/**
 * A server's disk is full for a while. Afterwards an operator does what docs/operations.md says: PostgreSQL is started
 * where it has ended, nats-server is restarted in any case.
 */
export const fullDisk = (server: ServerName): Fault => ({
  name: `the disk of ${server} is full for ${FULL_MS / 1_000} s`,
  run: async ({ stack }) => {
    const disk = stack.disks.get(server);
    if (!disk) throw new Error(`${server} has no disk that can be filled`);
    await disk.fill();
    await pause(FULL_MS);
    await disk.free();
    if (server === 'nats') await stack.killServer(server);
    if (server === 'nats' || !stack.isRunning(server)) await stack.startServer(server);
  },
});
