import type { WorkerStatus } from '@temporalio/worker';

/** How many tasks of the sagas a worker accepts at the same time, by kind. */
export interface Slots {
  readonly workflowTasks: number;
  /** Of them, tasks that are polled for before they exist; the others are left for sagas that are started here. */
  readonly workflowPolls: number;
  readonly activities: number;
  readonly localActivities: number;
}

interface Machine {
  readonly cores: number;
  /** Connections of the pool that the sagas' steps share. */
  readonly poolSize: number;
  /** None of the counts is above it. */
  readonly limit?: number | undefined;
}

/** More do not raise the rate: one thread of JavaScript serves them all. */
const MOST_WORKFLOW_TASKS = 32;
const ACTIVITIES_PER_WORKFLOW_TASK = 4;

/**
 * Slots for what the machine finishes well within a task's timeout of 10 s. A task that is accepted counts against its
 * timeout while it waits for the CPU or a connection, and its result is thrown away when it comes too late.
 */
export function slotsFor({ cores, poolSize, limit = Infinity }: Machine): Slots {
  const workflowTasks = Math.min(4 + 4 * cores, MOST_WORKFLOW_TASKS, limit);
  return {
    workflowTasks,
    workflowPolls: Math.max(2, Math.floor(workflowTasks / 3)),
    // Most of their time they wait for the provider or the carrier.
    activities: Math.min(ACTIVITIES_PER_WORKFLOW_TASK * workflowTasks, limit),
    // They do nothing but use the database.
    localActivities: Math.min(poolSize, limit),
  };
}

type Busy = Pick<
  WorkerStatus,
  'numInFlightWorkflowActivations' | 'numInFlightLocalActivities' | 'numInFlightNonLocalActivities'
>;

/** How many new sagas a worker could begin to work on at once, without taking slots that those in progress need. */
export function freeForNewSagas(worker: { getStatus(): Busy }, slots: Slots): number {
  const busy = worker.getStatus();
  // A workflow task ends when the local activity that it began has ended.
  const workflowTasks = busy.numInFlightWorkflowActivations + busy.numInFlightLocalActivities;
  return Math.min(
    Math.max(1, slots.workflowTasks - slots.workflowPolls) - workflowTasks,
    slots.activities - busy.numInFlightNonLocalActivities,
  );
}
