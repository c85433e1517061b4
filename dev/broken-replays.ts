import { DeterminismViolationError } from '@temporalio/workflow';
import type { History } from './history-json.ts';

/** A workflow that runs and cannot go on with the code of this tree. */
export interface BrokenReplay {
  readonly workflowId: string;
  readonly facts: WorkflowFacts;
  readonly error: Error;
}

export interface WorkflowFacts {
  readonly workflowType: string;
  /** `deployment:build` of the version that it is pinned to; undefined for one that moves to new code. */
  readonly pinnedTo: string | undefined;
  /** Whether a versioned worker has run it. */
  readonly isVersioned: boolean;
}

/** `VERSIONING_BEHAVIOR_PINNED` in Temporal's API. */
const PINNED = 1;

/** What a history says of its workflow. */
export function factsOf({ events }: History): WorkflowFacts {
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  const last = events?.findLast(
    (event) => event.workflowTaskCompletedEventAttributes,
  )?.workflowTaskCompletedEventAttributes;
  const { deploymentName, buildId } = last?.deploymentVersion ?? {};
  const isVersioned = Boolean(deploymentName);
  return {
    workflowType: started?.workflowType?.name ?? 'unknown',
    isVersioned,
    pinnedTo:
      isVersioned && Number(last?.versioningBehavior) === PINNED ? `${deploymentName}:${buildId}` : undefined,
  };
}

/** Workflows that cannot go on for one cause. */
export interface BrokenGroup {
  readonly workflowType: string;
  /** `changed`: the code does something else. `fails`: it throws where it did not. */
  readonly kind: 'changed' | 'fails';
  /** The error without what differs from one workflow to the next. */
  readonly cause: string;
  readonly pinnedTo: string | undefined;
  readonly isVersioned: boolean;
  /** In the order in which they were found. */
  readonly workflowIds: readonly string[];
}

/** The largest first. */
export function groupBroken(broken: readonly BrokenReplay[]): BrokenGroup[] {
  const groups = new Map<string, BrokenGroup & { readonly workflowIds: string[] }>();
  for (const { workflowId, facts, error } of broken) {
    const kind = error instanceof DeterminismViolationError ? 'changed' : 'fails';
    const cause = causeOf(error);
    const key = JSON.stringify([facts.workflowType, facts.pinnedTo, facts.isVersioned, kind, cause]);
    const group = groups.get(key) ?? { ...facts, kind, cause, workflowIds: [] };
    group.workflowIds.push(workflowId);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.workflowIds.length - a.workflowIds.length);
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** As the SDK's core writes a failure into the error of a replay. */
const CORE_MESSAGE = /message: "((?:[^"\\]|\\.)*)"/;

/** @returns the first line of what the replay failed with, without the preface and the code that the SDK puts around it */
export function reasonOf({ message }: Error): string {
  const details = message.replace(/^.*?Details: /s, '');
  const said = CORE_MESSAGE.exec(details)?.[1]?.replaceAll(/\\(["'\\])/g, '$1') ?? details;
  const [line = ''] = said.split(/\n|\\n/);
  return line.replace(/^(\[TMPRL\d+\] )?(Nondeterminism error: )?/, '').trim();
}

/** @returns the same without ids and numbers, which differ from one workflow to the next */
export const causeOf = (error: Error): string =>
  reasonOf(error)
    .replaceAll(UUID, '<id>')
    .replaceAll(/\b(id|Id|ID|seq|event)(:? |=)"?\d+"?/g, '$1$2<n>')
    .replaceAll(/'\d+'|"\d+"/g, '<n>');

/** What to do about a group before this code is deployed, a line each. */
export function adviceFor({ workflowType, kind, pinnedTo, isVersioned }: BrokenGroup): string[] {
  if (pinnedTo !== undefined)
    return [
      `they are pinned to ${pinnedTo} and stay there: keep its workers until npm run deployment -- drain ${pinnedTo.split(':').at(-1) ?? ''} ends`,
    ];
  if (kind === 'fails')
    return ['the code throws where it did not: mend it; patched() does not help against a fault'];
  const pin = isVersioned
    ? `or pin those that run to their version before the new one gets work: temporal workflow update-options --query "WorkflowType = '${workflowType}' and ExecutionStatus = 'Running'" --versioning-override-behavior pinned --versioning-override-deployment-name <deployment> --versioning-override-build-id <build>`
    : 'or let them end first: they run on workers without a version, which any new worker replaces (docs/deployment.md, versions)';
  return [`put what changed behind patched('<name>'), so that those that run keep the old branch`, pin];
}
