import { continueAsNew, proxyActivities, sleep } from '@temporalio/workflow';
import { md } from '../domain/markdown.ts';
import { RELAY_HEARTBEAT_TIMEOUT_MS, RELAY_TIMEOUT_MS, type RelayActivities } from '../domain/relay.ts';
import { showDetails } from './details.ts';
import { safeFailureOf } from './failures.ts';

/** Activities per run, so that a history stays short: about a day. */
const RUNS_PER_HISTORY = 144;
const REFUSED_PAUSE_MS = 30_000;

/** Keeps one relay activity running for a shard, for ever; on another worker when its own dies or shuts down. */
export async function outboxRelay(shard: number): Promise<never> {
  const { relayOutbox } = proxyActivities<RelayActivities>({
    startToCloseTimeout: RELAY_TIMEOUT_MS,
    heartbeatTimeout: RELAY_HEARTBEAT_TIMEOUT_MS,
    retry: { initialInterval: 100, backoffCoefficient: 1 },
    summary: `Publish outbox shard ${shard}`,
  });
  for (let run = 0; run < RUNS_PER_HISTORY; run++) {
    try {
      await relayOutbox(shard);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      showDetails(md`**The outbox needs a decision**, then the relay goes on by itself: ${refusal}`);
      await sleep(REFUSED_PAUSE_MS, { summary: 'Pause before the outbox is tried again' });
      showDetails(md``);
    }
  }
  return continueAsNew<typeof outboxRelay>(shard);
}

/** @returns what a person has to decide, undefined for any other failure. */
function refusalOf(error: unknown): string | undefined {
  const { code, detail } = safeFailureOf(error);
  return code === 'OUTBOX_REFUSED' ? detail : undefined;
}
