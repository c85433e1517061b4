import type { Client } from '@temporalio/client';

export type TemporalReader = Pick<Client, 'workflow'>;

const SAGAS = `WorkflowType in ('orderSaga', 'shipmentSaga')`;
/** Reading one costs some 10 ms; faults last so long that each shows in many. */
const MOST_HISTORIES = 400;

/** Ids of the sagas that run now. */
export async function readRunning({ workflow }: TemporalReader): Promise<Set<string>> {
  const running = new Set<string>();
  for await (const { workflowId } of workflow.list({ query: `${SAGAS} and ExecutionStatus = 'Running'` }))
    running.add(workflowId);
  return running;
}

/** The histories of sagas, spread evenly over all of them, each as one text. */
export async function readHistories({ workflow }: TemporalReader): Promise<string[]> {
  const runs: { workflowId: string; runId: string }[] = [];
  for await (const { workflowId, runId } of workflow.list({ query: SAGAS })) runs.push({ workflowId, runId });
  const step = Math.max(1, Math.ceil(runs.length / MOST_HISTORIES));
  const texts: string[] = [];
  for (const { workflowId, runId } of runs.filter((_, index) => index % step === 0)) {
    const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
    texts.push([workflowId, ...textsIn(events)].join('\n'));
  }
  return texts;
}

/** Says which worker or client did something, for operators of Temporal. */
const IDENTITIES = new Set(['identity', 'workerVersion', 'sdkMetadata']);

/** All texts in a value, also those in payloads. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => (IDENTITIES.has(key) ? [] : textsIn(member)));
}
