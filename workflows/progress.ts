import { defineQuery, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import {
  causeOf,
  decisionsOn,
  isRetryOnly,
  type DeskDecision,
  type StuckName,
  type StuckStep,
  type WaiverRequest,
} from '../domain/desk.ts';
import { md, withList, type Markdown } from '../domain/markdown.ts';
import type { OrderStatus } from '../domain/order.ts';
import { PROGRESS_QUERY, type SagaProgress, type StepReport } from '../domain/saga-requests.ts';
import { sagaCalls, type CallName, type Saga } from '../domain/saga-steps.ts';
import { showDetails } from './details.ts';
import type { Failure } from './failures.ts';
import { cancelReasonKey, orderStatusKey, stuckCauseKey } from './search-attributes.ts';

/** Tells where the saga is: to the query `progress`, and to a reader of the Temporal Web UI. */
export interface Progress {
  /** A step of the saga begins. @param call what it calls, when it does more than wait */
  begins(name: string, call: CallName | undefined): void;
  /** It is done, and the order has this status now. */
  reached(status?: OrderStatus): void;
  attempts(): number;
  /** Counts where it is the step's own call, and no question about it. */
  attempted(call: CallName): void;
  /** @param attempts how many it took, the one that was counted as it began included */
  failed(call: CallName, failure: Failure, attempts: number): void;
  /** The step that runs has failed for good. Called again when an earlier run has recorded another reason. */
  gaveUp(failure: Failure): void;
  /** The saga will undo by these. */
  undoing(undo: readonly StuckName[]): void;
  undoes(undo: StuckName): void;
  undone(settled?: Exclude<DeskDecision, 'retry'>): void;
  stuck(step: StuckStep): void;
  /** An operator wants to waive what is stuck, and a second one has to approve. */
  waiverRequested(waiver: WaiverRequest): void;
  unstuck(): void;
  /** What was to be taken back could not be: the saga goes on. */
  goesOn(note: Markdown): void;
  ended(status: OrderStatus, note?: Markdown): void;
}

type Undone = SagaProgress['undone'][number];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const progressQuery = defineQuery<SagaProgress>(PROGRESS_QUERY);
const now = (): string => new Date().toISOString();

/** @param heading what the workflow is about */
export function createProgress(saga: Saga, heading: Markdown): Progress {
  const steps = Object.values(saga.steps).map(({ name }) => name);
  const done: StepReport[] = [];
  const undone: Undone[] = [];
  const notes: Markdown[] = [];
  let state: SagaProgress['state'] = 'RUNNING';
  let stateBeforeStuck: SagaProgress['state'] = state;
  let current: Mutable<StepReport> | undefined;
  let failure: SagaProgress['failure'];
  let stuck: SagaProgress['stuck'];
  let remaining: string[] = steps;
  let status: OrderStatus | undefined;

  const snapshot = (): SagaProgress => ({
    saga: saga.title,
    state,
    done,
    ...(current && { current }),
    remaining,
    undone,
    ...(stuck && { stuck }),
    ...(failure && { failure }),
  });
  setHandler(progressQuery, snapshot);

  const show = (): void => {
    showDetails(withList(heading, [...linesOf(snapshot()), ...notes]));
  };
  const setStatus = (value: OrderStatus): void => {
    if (value === status) return;
    status = value;
    upsertSearchAttributes([{ key: orderStatusKey, value }]);
  };
  const begin = (name: string, call: CallName | undefined): void => {
    current = { name, ...(call && { call }), startedAt: now(), attempts: 0 };
    remaining = remaining.slice(remaining.indexOf(name) + 1);
    show();
  };

  return {
    begins: begin,
    reached: (reachedStatus) => {
      if (current) done.push({ ...current, endedAt: now() });
      current = undefined;
      if (reachedStatus) setStatus(reachedStatus);
      show();
    },
    attempts: () => current?.attempts ?? 0,
    attempted: (call) => {
      if (call === current?.call) current.attempts += 1;
    },
    failed: (call, { reason, detail }, attempts) => {
      if (!current) return;
      if (call === current.call) current.attempts += attempts - 1;
      current.lastError = { code: reason, detail, at: now() };
      show();
    },
    gaveUp: ({ reason, detail }) => {
      if (state === 'RUNNING') {
        state = 'UNDOING';
        failure = { reason, detail, ...(current && { step: { ...current, endedAt: now() } }) };
        current = undefined;
      } else if (failure?.reason === reason) return;
      failure = { ...failure, reason, detail };
      upsertSearchAttributes([{ key: cancelReasonKey, value: reason }]);
      show();
    },
    undoing: (undo) => {
      remaining = undo.map(labelOf);
      show();
    },
    undoes: (undo) => {
      begin(labelOf(undo), undo);
    },
    undone: (settled) => {
      if (current) undone.push({ ...current, endedAt: now(), ...(settled && { settled }) });
      current = undefined;
      show();
    },
    stuck: (step) => {
      if (state !== 'STUCK') stateBeforeStuck = state;
      state = 'STUCK';
      stuck = { undo: step.undo, since: stuck?.since ?? now(), occurrence: step.occurrence };
      upsertSearchAttributes([{ key: stuckCauseKey, value: causeOf(step) }]);
      show();
    },
    waiverRequested: (waiver) => {
      if (stuck) stuck = { ...stuck, waiver: { ...waiver, at: now() } };
      show();
    },
    unstuck: () => {
      state = stateBeforeStuck;
      stuck = undefined;
      upsertSearchAttributes([{ key: stuckCauseKey, value: null }]);
      show();
    },
    goesOn: (note) => {
      if (failure) notes.push(md`${failure.step?.name ?? 'the saga'}: ${failure.reason} – ${failure.detail}`);
      notes.push(note);
      state = 'RUNNING';
      failure = undefined;
      undone.pop();
      show();
    },
    ended: (endStatus, note) => {
      state = 'ENDED';
      current = undefined;
      remaining = [];
      if (note !== undefined) notes.push(note);
      setStatus(endStatus);
      show();
    },
  };
}

const labelOf = (undo: StuckName): string =>
  `${isRetryOnly(undo) ? '' : 'undo: '}${sagaCalls[undo].does.toLowerCase()}`;

/** A line for each step. */
function linesOf({ done, failure, undone, current, stuck }: SagaProgress): Markdown[] {
  return [
    ...done.map(({ name }) => md`${name} ✓`),
    ...(failure
      ? [md`${failure.step?.name ?? 'the saga'} failed: ${failure.reason} – ${failure.detail}`]
      : []),
    ...undone.map(({ name, settled }) => (settled ? md`${name} ✓ (${settled})` : md`${name} ✓`)),
    ...(current ? [lineOf(current, stuck !== undefined)] : []),
    ...(stuck
      ? [md`**An operator must decide**: ${decisionsOn(stuck.undo).join(', ')}; stuck since ${stuck.since}`]
      : []),
    ...(stuck?.waiver ? [lineOfWaiver(stuck.waiver)] : []),
  ];
}

/** Attempts that the server repeats are known here once they are used up; until then the Web UI has a tab for them. */
function lineOf({ name, call, attempts, lastError }: StepReport, isStuck: boolean): Markdown {
  const error = lastError ? md` – last error ${lastError.code}: ${lastError.detail}` : md``;
  if (isStuck) return md`**now: ${name}** – attempt ${attempts}${error}`;
  return call
    ? md`**now: ${name}**${error} – each attempt is in the tab "Pending Activities"`
    : md`**now: ${name}**${error}`;
}

const lineOfWaiver = ({ requestedBy, reason, at }: WaiverRequest & { readonly at: string }): Markdown =>
  md`**${requestedBy} asks to waive it** (${reason}): another operator has to approve; since ${at}`;
