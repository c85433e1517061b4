import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { StartError } from './progress.ts';

const LOOPBACK = '127.0.0.1';
const MOST_TRIES = 1_000;

/** Above what well-known servers use; below what systems hand out to outgoing connections, which come at any time. */
const QUIET_RANGE = { from: 20_000, to: 32_767 };

/** Handed out by this process: whoever has one may not listen on it yet, or not at the moment. */
const handedOut = new Set<number>();

/**
 * A port of the loopback interface, below 32768, that nobody listens on now and that this process has not handed out
 * before; another process may still take it first.
 */
export async function freePort(avoid: readonly number[] = []): Promise<number> {
  const { from, to } = QUIET_RANGE;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    // At random, so that two runs that begin together are not after the same ones.
    const port = randomInt(from, to + 1);
    if (handedOut.has(port) || avoid.includes(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new StartError(`none of ${MOST_TRIES} ports from ${from} to ${to} is free`);
}

/** Several of them, all different, and none of those to avoid. */
export async function freePorts(count: number, avoid: readonly number[] = []): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(avoid));
  return ports;
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
    else if (!(await isFree(port)))
      faults.push(`port ${port} (${variable}) is taken; set ${variable}=… to another`);
  }
  if (faults.length > 0) throw new StartError(faults.join('\n'));
}

/** Whether a port of the loopback interface can be listened on: it is neither taken nor forbidden. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
