import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from './connection.ts';
import { subscribe } from './subscribe.ts';

/** Wakes the relays of these shards; best effort, since a relay also looks by itself. */
export const createNudge =
  (messaging: Messaging, topology: Topology) =>
  (shards: readonly number[]): void => {
    for (const shard of shards) messaging.current?.publish(topology.nudge(shard));
  };

/** Resolves when a writer nudged, after `timeoutMs`, or when aborted. A nudge between two calls ends the next one. */
export type WakeUp = (timeoutMs: number, signal: AbortSignal) => Promise<void>;

/** Listens for the nudges of a shard until the signal aborts. */
export function createWakeUp(
  messaging: Messaging,
  topology: Topology,
  shard: number,
  until: AbortSignal,
): WakeUp {
  const nudges = new EventTarget();
  let isNudged = false;
  void messaging.firstConnection.then((connection) => {
    if (until.aborted) return;
    const nudge = (): void => {
      isNudged = true;
      nudges.dispatchEvent(new Event('nudge'));
    };
    // Whatever it says: looking once too often costs little.
    const subscription = subscribe(connection, {
      subject: topology.nudge(shard),
      parse: () => undefined,
      onMessage: nudge,
      onUnreadable: nudge,
    });
    until.addEventListener('abort', () => {
      subscription.close();
    });
  });
  return async (timeoutMs, signal) => {
    if (!isNudged && !signal.aborted) await nudgeOrTimeout(nudges, timeoutMs, signal);
    isNudged = false;
  };
}

async function nudgeOrTimeout(nudges: EventTarget, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const either = AbortSignal.any([signal, settled.signal]);
  const aborted = (error: unknown): void => {
    if (!either.aborted) throw error;
  };
  try {
    await Promise.race([
      once(nudges, 'nudge', { signal: either }).catch(aborted),
      pause(timeoutMs, undefined, { signal: either }).catch(aborted),
    ]);
  } finally {
    settled.abort();
  }
}
