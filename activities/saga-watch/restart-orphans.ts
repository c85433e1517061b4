import type { Provenance } from '../../domain/events.ts';
import type { SagaKind } from '../../domain/order.ts';
import type { LostSagaReason, SagaWatchReport } from '../../domain/saga-watch.ts';
import { forEachOf, paced } from '../../platform/pace.ts';
import { findOrphans, type Orphan, type SearchDeps } from './find-orphans.ts';
import type { SagaRuns } from './saga-runs.ts';

/** A saga that is started again, for logs and metrics. */
export interface Restart extends Pick<Orphan, 'workflowId' | 'reason' | 'saga'> {
  readonly orderId: string;
  readonly traceId: string | undefined;
}

export interface RestartDeps extends Omit<SearchDeps, 'sagas'> {
  readonly sagas: SagaRuns;
  /** What the events of a restarted saga name as their cause. */
  readonly provenanceFor: (saga: SagaKind, orderId: string) => Promise<Provenance>;
  readonly onRestarted: (restart: Restart) => void;
  readonly onFailed: (error: unknown, restart: Restart) => void;
}

/** Where a search stands; a search that was interrupted resumes from it. */
export interface SearchProgress {
  /** Id of the last order that was dealt with. */
  readonly after: string | null;
  readonly report: SagaWatchReport;
}

export const beginning: SearchProgress = {
  after: null,
  report: { examined: 0, orphaned: {}, restarted: 0, failed: 0 },
};

const STARTS_AT_A_TIME = 16;
/** A lost Temporal database leaves every open order an orphan: their sagas come back over minutes, not in one burst. */
const STARTS_PER_SECOND = 200;

/** Starts the sagas of all orphans again. @param onProgress is called after each page of orders */
export async function restartOrphans(
  deps: RestartDeps,
  from: SearchProgress = beginning,
  onProgress: (progress: SearchProgress) => void = () => undefined,
): Promise<SagaWatchReport> {
  const nextStart = paced(STARTS_PER_SECOND, deps.signal);
  const orphaned: Partial<Record<LostSagaReason, number>> = { ...from.report.orphaned };
  let { examined, restarted, failed } = from.report;
  for await (const page of findOrphans(deps, from.after)) {
    examined += page.examined;
    await forEachOf(page.orphans, STARTS_AT_A_TIME, async (orphan) => {
      orphaned[orphan.reason] = (orphaned[orphan.reason] ?? 0) + 1;
      await nextStart();
      const outcome = await restartOrphan(deps, orphan);
      if (outcome === 'STARTED') restarted += 1;
      if (outcome === 'FAILED') failed += 1;
    });
    onProgress({ after: page.last, report: { examined, orphaned: { ...orphaned }, restarted, failed } });
  }
  return { examined, orphaned, restarted, failed };
}

/** Starts one saga again. A failure is reported, and left to the next search. */
export async function restartOrphan(
  { sagas, provenanceFor, onRestarted, onFailed }: Omit<RestartDeps, keyof SearchDeps> & { sagas: SagaRuns },
  { order, saga, workflowId, reason }: Orphan,
): Promise<'STARTED' | 'RUNNING' | 'FAILED'> {
  const provenance = await provenanceFor(saga, order.id);
  const restart = {
    orderId: order.id,
    traceId: provenance.traceparent.split('-')[1],
    workflowId,
    saga,
    reason,
  };
  try {
    if (!(await sagas.start(saga, order, provenance))) return 'RUNNING';
    onRestarted(restart);
    return 'STARTED';
  } catch (error) {
    onFailed(error, restart);
    return 'FAILED';
  }
}
