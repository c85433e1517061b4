import type { WorkerDeploymentVersion } from '@temporalio/common';
import { messageOf } from '../platform/error-serializer.ts';
import type { Logger } from '../platform/logger.ts';
import { pauseUnlessAborted } from '../platform/pace.ts';
import { NotReady } from '../platform/readiness.ts';
import type { Deployments, VersionStatus } from './deployments.ts';

/** What this process knows of its own version. */
export interface DeploymentHealth {
  readonly seen: (status: VersionStatus | undefined) => void;
  /** For `/readyz`. @throws NotReady saying why the version gets no work */
  readonly check: () => Promise<void>;
}

/** Soon again until Temporal knows the version, which it learns of by the first poll. */
const untilNext = (isKnown: boolean): number => (isKnown ? 20_000 : 2_000);

const nameOf = ({ deploymentName, buildId }: WorkerDeploymentVersion): string =>
  `version ${buildId} of deployment ${deploymentName}`;

/** Undefined for a version that has work, or may have some again. */
function idleness(version: WorkerDeploymentVersion, status: VersionStatus | undefined): string | undefined {
  if (status === 'INACTIVE')
    return `${nameOf(version)} is neither current nor ramping: it gets no work until npm run deployment -- set-current ${version.buildId}`;
  if (status === 'DRAINED') return `${nameOf(version)} is drained: its workers can be stopped`;
  return undefined;
}

export function createDeploymentHealth(version: WorkerDeploymentVersion): DeploymentHealth {
  let status: VersionStatus | undefined;
  return {
    seen: (now) => {
      status = now;
    },
    check: () => {
      const idle = idleness(version, status);
      return idle === undefined ? Promise.resolve() : Promise.reject(new NotReady(idle));
    },
  };
}

interface Deps {
  readonly deployments: Pick<Deployments, 'describeVersion'>;
  readonly version: WorkerDeploymentVersion;
  readonly onStatus: DeploymentHealth['seen'];
  readonly logger: Logger;
  readonly pauseMs?: (isKnown: boolean) => number;
}

/** Watches until aborted what Temporal does with this worker's version, and logs each change. */
export async function watchDeployment(
  { deployments, version, onStatus, logger, pauseMs = untilNext }: Deps,
  signal: AbortSignal,
): Promise<void> {
  let last: VersionStatus | undefined;
  let lastFailure: string | undefined;
  while (!signal.aborted) {
    let status: VersionStatus | undefined;
    try {
      status = (await deployments.describeVersion(version))?.status;
      lastFailure = undefined;
    } catch (error) {
      // Once for each cause, and not with every attempt.
      if (messageOf(error) !== lastFailure)
        logger.warn({ err: error, ...version }, 'Temporal does not say what it does with this version');
      lastFailure = messageOf(error);
    }
    onStatus(status);
    if (status !== undefined && status !== last) {
      const idle = idleness(version, status);
      if (idle === undefined) logger.info({ ...version, status }, `${nameOf(version)} is ${status}`);
      else logger.warn({ ...version, status }, idle);
      last = status;
    }
    await pauseUnlessAborted(pauseMs(status !== undefined), signal);
  }
}
