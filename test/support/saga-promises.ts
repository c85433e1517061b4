import type { WorkflowBundleOption } from '@temporalio/worker';
import fc from 'fast-check';
import { createGathering } from './gathering.ts';
import { routedToModels, type Model } from './model-services.ts';
import { brokenReplays, sagaHistories } from './replays.ts';
import { startPausableSagaWorker } from './pausable-saga-worker.ts';
import { startSagaWorker, type SagaWorker } from './saga-worker.ts';
import {
  arrivingTogether,
  play,
  scripts,
  TIMERS_COME_DUE_MS,
  violations,
  type Played,
  type Script,
} from './scripted-saga.ts';
import { sagaBundle } from './workflow-env.ts';

interface Trial {
  readonly runs: number;
  /** What the scripts are drawn from; all that can happen when it is left out. */
  readonly from?: fc.Arbitrary<Script>;
  /** The code of the sagas; the real one when it is left out. */
  readonly bundle?: () => Promise<WorkflowBundleOption>;
  /** Whether the outside world refuses what comes after its compensation. */
  readonly fences?: boolean;
}

/** Orders that run at the same time. With 100, a busy machine loses workflow tasks, and each costs 10 s. */
const AT_A_TIME = 30;

/**
 * Runs random scripts against the sagas on a real Temporal server, until one breaks a promise; then replays what was
 * recorded of them.
 * @returns what is broken, with the script that broke it; empty when every run kept its promises and can be replayed
 */
export async function brokenPromises({
  runs,
  from = scripts,
  bundle = sagaBundle,
  fences = true,
}: Trial): Promise<string[]> {
  const models = new Map<string, Model>();
  const worker = await startSagaWorker(bundle, routedToModels(models));
  const broken: string[] = [];

  async function playOne(script: Script): Promise<void> {
    const faults = await play(script, { ...worker, models, fences }).then(faultsOf, whyItFailed);
    if (faults.length > 0) broken.push(`${faults.join('; ')}\n${JSON.stringify(script)}`);
  }

  const waiting = fc.sample(from, runs);
  async function playOn(): Promise<void> {
    for (let next = waiting.pop(); next && broken.length === 0; next = waiting.pop()) await playOne(next);
  }
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, playOn));
    if (broken.length === 0) broken.push(...(await notReplayed(bundle, worker, models)));
  } finally {
    await worker.close();
  }
  return broken;
}

/**
 * Runs random scripts in which things arrive together: for each batch of orders the workflows are stopped, everything is
 * sent, and they are started again.
 * @returns what is broken, as `brokenPromises` does
 */
export async function brokenWhenTogether({
  runs,
  from = arrivingTogether,
  bundle = sagaBundle,
}: Omit<Trial, 'fences'>): Promise<string[]> {
  const models = new Map<string, Model>();
  const worker = await startPausableSagaWorker(bundle, routedToModels(models));
  const broken: string[] = [];
  const waiting = fc.sample(from, runs);
  try {
    for (let batch = 0; waiting.length > 0 && broken.length === 0; batch++) {
      const scripts = waiting.splice(0, AT_A_TIME);
      const gathering = createGathering(worker, scripts.length, batch % 2 === 0 ? 0 : TIMERS_COME_DUE_MS);
      const playOne = async (script: Script): Promise<void> => {
        const faults = await play(script, { ...worker, models, gathering }).then(faultsOf, whyItFailed);
        if (faults.length > 0) broken.push(`${faults.join('; ')}\n${JSON.stringify(script)}`);
      };
      await Promise.all([gathering.over, ...scripts.map(playOne)]);
    }
    if (broken.length === 0) broken.push(...(await notReplayed(bundle, worker, models)));
  } finally {
    await worker.close();
  }
  return broken;
}

const notReplayed = async (
  bundle: () => Promise<WorkflowBundleOption>,
  { client }: Pick<SagaWorker, 'client'>,
  models: ReadonlyMap<string, Model>,
): Promise<string[]> => brokenReplays(await bundle(), sagaHistories(client, models.keys()));

function faultsOf(played: Played): string[] {
  const faults = violations(played);
  return faults.length > 0 ? [...faults, `calls: ${played.model.calls.join(' ')}`] : [];
}

/** Causes included: which step failed is told by the innermost. */
function whyItFailed(error: unknown): string[] {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) messages.push(cause.message);
  return [`a saga failed: ${messages.join(' ← ')}`];
}
