import type { Capability, DeadlineName } from './saga-steps.ts';

/** How long a saga waits, in ms; beyond it the saga undoes. Durable: they run while nothing else does. */
export type SagaDeadlines = Readonly<Record<DeadlineName, number>>;

/** What an installation decides about its sagas; part of each workflow's input, so that a run keeps what it began with. */
export interface SagaSettings {
  /** Capabilities whose steps are short transactions in our own PostgreSQL and run as local activities. */
  readonly localSteps: readonly Capability[];
  readonly deadlines: SagaDeadlines;
  /** An order above it waits for a person, in minor units of its currency; null: none does. */
  readonly approvalLimitMinor: number | null;
  /** Pause after the first failed attempt of a step, in ms; it doubles from attempt to attempt. */
  readonly retryPauseMs: number;
  /** An undo step that failed so often waits for an operator. */
  readonly undoAttempts: number;
}
