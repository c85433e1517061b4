import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { StartError } from './progress.ts';

const LOOPBACK = '127.0.0.1';

/** A port of the loopback interface that nobody listens on now; another process may still take it first. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0);
  if (port === undefined) throw new StartError('no free port is left on the loopback interface');
  return port;
}

/** Above what well-known servers use; below what systems hand out to outgoing connections, which come at any time. */
const QUIET_RANGE = { from: 20_000, to: 32_767 };

/** Several free ports of the loopback interface, all different, below 32768, and none of those to avoid. */
export async function freePorts(count: number, avoid: readonly number[] = []): Promise<number[]> {
  const ports = new Set<number>();
  const { from, to } = QUIET_RANGE;
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries > 100 * count) throw new StartError(`no ${count} free ports are left from ${from} to ${to}`);
    // At random, so that two runs that begin together are not after the same ones.
    const port = await tryPort(randomInt(from, to + 1));
    if (port !== undefined && !avoid.includes(port)) ports.add(port);
  }
  return [...ports];
}

export interface PortUse {
  readonly port: number;
  /** The environment variable that moves it. */
  readonly variable: string;
}

/** @throws StartError that names, one a line, every port that is taken or asked for twice. */
export async function assertPortsFree(uses: readonly PortUse[]): Promise<void> {
  const faults: string[] = [];
  for (const [index, { port, variable }] of uses.entries()) {
    const twin = uses.slice(0, index).find((other) => other.port === port);
    if (twin)
      faults.push(`port ${port} is asked for by ${twin.variable} and ${variable}; change one of them`);
    else if ((await tryPort(port)) === undefined)
      faults.push(`port ${port} (${variable}) is taken; set ${variable}=… to another`);
  }
  if (faults.length > 0) throw new StartError(faults.join('\n'));
}

/** @returns the port that could be listened on, or undefined when it is taken or not allowed. */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : undefined;
}

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
