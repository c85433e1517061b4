import { join } from 'node:path';
import { productionFlags } from '../api-servers.ts';
import type { Closers } from '../closers.ts';
import { startForked, type Forked } from '../forked.ts';
import { cpuOf, cpuPer, type CpuSeconds } from '../measure/cpu.ts';
import type { Period } from '../measure/profile.ts';
import type { Stores } from '../stores.ts';
import type { Coming, Followed, RelayAnswer, RelayRequest, RelaySettings, Route, Wait } from './protocol.ts';

export interface Rate {
  /** Events. */
  readonly perSecond: number;
  /** Process → CPU seconds per event. */
  readonly cpu: CpuSeconds;
}

interface RateAnswer {
  readonly rate: Rate;
  readonly period: Period;
  readonly waits: readonly Wait[];
}
type RateRequest = Extract<RelayRequest, { ask: 'relay' | 'publish' | 'skip-locked' }>;

export interface RelayProcess {
  rate(request: RateRequest): Promise<RateAnswer>;
  /** Milliseconds of single messages, each awaited. */
  timeSingly(prefix: string, seconds: number): Promise<readonly number[]>;
  /** Milliseconds of messages that come at a steady rate. */
  timeComing(prefix: string, coming: Coming): Promise<readonly number[]>;
  /** @returns what stops the relays and tells when each event was acknowledged. */
  follow(route: Route): Promise<() => Promise<Followed>>;
  /** CPU that it and the servers have used so far. */
  cpu(): CpuSeconds;
  end(): Promise<void>;
}

/** @param profileDir where it leaves what V8 saw, when it ends */
export async function startRelayProcess(
  stores: Stores,
  closers: Closers,
  profileDir?: string,
): Promise<RelayProcess> {
  const settings: RelaySettings = { natsUrl: stores.natsUrl };
  const forked: Forked<RelayRequest, RelayAnswer> = await startForked({
    name: 'relay',
    file: join(import.meta.dirname, 'relay.main.ts'),
    settings,
    closers,
    flags: productionFlags,
    profileDir,
  });
  const cpu = (): CpuSeconds => cpuOf({ relay: forked.pid, ...stores.processes });
  return {
    cpu,
    rate: async (request) => {
      const before = cpu();
      const { seconds, waits, endedAtMicros: to } = await forked.ask(request, 'published');
      return {
        rate: { perSecond: request.events / seconds, cpu: cpuPer(before, cpu(), request.events) },
        period: { from: to - seconds * 1_000_000, to },
        waits,
      };
    },
    timeSingly: async (prefix, seconds) =>
      (await forked.ask({ ask: 'publish-singly', prefix, seconds }, 'timed')).ms,
    timeComing: async (prefix, coming) =>
      (await forked.ask({ ask: 'publish-coming', prefix, coming }, 'timed')).ms,
    follow: async (route) => {
      await forked.ask({ ask: 'follow', route }, 'following');
      return () => forked.ask({ ask: 'stop' }, 'stopped');
    },
    end: () => forked.end({ ask: 'end' }),
  };
}
