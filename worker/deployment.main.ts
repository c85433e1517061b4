import { setTimeout as pause } from 'node:timers/promises';
import { deploymentSchema } from '../platform/config.ts';
import { messageOf } from '../platform/error-serializer.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { jsonText, terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { readArguments, usage, type DeploymentCommand } from './deployment-arguments.ts';
import { createDeployments, isRefused, type Deployment } from './deployments.ts';
import { connectClient } from './temporal-client.ts';
import { clearProgress, showProgress } from './terminal-progress.ts';

const REFUSED = 1;
const CANNOT_ASK = 2;
const EVERY_MS = 2_000;

function fail(text: string, code = CANNOT_ASK): never {
  terminal.error(text);
  process.exit(code);
}

const { config, explain } = configureTool(deploymentSchema, ['TEMPORAL_ADDRESS'], CANNOT_ASK);

function commandOrExit(): DeploymentCommand {
  try {
    return readArguments(process.argv.slice(2), config.TEMPORAL_WORKER_BUILD_ID);
  } catch (error) {
    return fail(`${messageOf(error)}\n\n${usage}`);
  }
}

const command = commandOrExit();
const temporal = await connectClient(temporalServerOf(config)).catch((error: unknown) =>
  fail(explain(error)),
);
const deployments = createDeployments(temporal.client);

try {
  process.exitCode = await run();
} catch (error) {
  clearProgress();
  if (isRefused(error)) {
    terminal.error(`Temporal refuses it: ${messageOf(error)}`);
    process.exitCode = REFUSED;
  } else {
    terminal.error('the deployment could not be asked for:', explain(error));
    process.exitCode = CANNOT_ASK;
  }
} finally {
  await temporal.close();
}

async function run(): Promise<number> {
  const name = config.TEMPORAL_DEPLOYMENT_NAME;
  if (name === undefined) {
    const names = await deployments.names();
    terminal.error(
      `name the deployment: set TEMPORAL_DEPLOYMENT_NAME; ${names.length === 0 ? 'Temporal knows none' : `Temporal knows ${names.join(', ')}`}`,
    );
    return CANNOT_ASK;
  }
  const deployment = await deployments.describe(name);
  if (!deployment) {
    terminal.error(
      `no worker of deployment ${name} has ever polled: start one with this TEMPORAL_DEPLOYMENT_NAME`,
    );
    return REFUSED;
  }
  switch (command.name) {
    case 'status':
      return showStatus(deployment, command.json);
    case 'ramp':
      if (command.percent > 0 && !isKnown(deployment, command.buildId, command.allowed.allowNoPollers))
        return REFUSED;
      await deployments.ramp(deployment, command.buildId, command.percent, command.allowed);
      break;
    case 'set-current':
      if (
        command.buildId !== undefined &&
        !isKnown(deployment, command.buildId, command.allowed.allowNoPollers)
      )
        return REFUSED;
      await deployments.setCurrent(deployment, command.buildId, command.allowed);
      break;
    case 'drain':
      return drain(deployment, command.buildId, command.withinMs);
  }
  const now = await deployments.describe(name);
  return now ? showStatus(now, false) : REFUSED;
}

function isKnown({ name, versions }: Deployment, buildId: string, isAllowed: boolean): boolean {
  if (isAllowed || versions.some((version) => version.buildId === buildId)) return true;
  const known = versions.map((version) => version.buildId).join(', ');
  terminal.error(
    `deployment ${name} has no version ${buildId}: start a worker with TEMPORAL_WORKER_BUILD_ID=${buildId}; Temporal knows ${known}`,
  );
  return false;
}

function routeOf({ current, ramping }: Deployment): string[] {
  const share = ramping?.percent ?? 0;
  return [
    `new work: ${100 - share} % ${current === undefined ? 'unversioned workers' : `version ${current}`}`,
    ...(ramping
      ? [
          `          ${share} % ${ramping.buildId === undefined ? 'unversioned workers' : `version ${ramping.buildId}`}`,
        ]
      : []),
  ];
}

async function showStatus(deployment: Deployment, json: boolean): Promise<number> {
  const versions = [];
  for (const { buildId, status } of deployment.versions) {
    const version = { deploymentName: deployment.name, buildId };
    const [taskQueues, pinned] = [
      await deployments.taskQueuesOf(version),
      await deployments.pinnedTo(version),
    ];
    versions.push({ buildId, status: status ?? 'UNKNOWN', taskQueues, pinned });
  }
  const { name, current, ramping } = deployment;
  if (json) {
    terminal.log(
      jsonText({ deployment: name, current: current ?? null, ramping: ramping ?? null, versions }, 0),
    );
    return 0;
  }
  terminal.log(`deployment ${name}`);
  for (const line of routeOf(deployment)) terminal.log(line);
  for (const { buildId, status, taskQueues, pinned } of versions)
    terminal.log(
      `${buildId}  ${status.padEnd(8)}  ${pinned.count} pinned workflows run  polls ${taskQueues.join(', ') || 'nothing'}`,
    );
  return 0;
}

/** Waits until Temporal says that nothing needs the version and none of its pinned workflows runs. */
async function drain({ name }: Deployment, buildId: string, withinMs = Infinity): Promise<number> {
  const version = { deploymentName: name, buildId };
  const until = Date.now() + withinMs;
  for (;;) {
    const found = await deployments.describeVersion(version);
    if (!found) {
      terminal.error(
        `deployment ${name} has no version ${buildId}; Temporal forgets a version that is drained and has no workers`,
      );
      return REFUSED;
    }
    if (found.status === 'CURRENT' || found.status === 'RAMPING') {
      clearProgress();
      terminal.error(
        `version ${buildId} is ${found.status}: make another one current, or take its ramp away, first`,
      );
      return REFUSED;
    }
    const pinned = await deployments.pinnedTo(version);
    const isDrained = found.status === 'DRAINED' || found.status === 'INACTIVE';
    if (isDrained && pinned.count === 0) {
      clearProgress();
      terminal.log(
        `version ${buildId} is ${found.status}: nothing that runs needs it, and its workers can be stopped`,
      );
      return 0;
    }
    const runs =
      pinned.count === 0
        ? 'no pinned workflow is listed; Temporal confirms that within some minutes'
        : `${pinned.count} pinned workflows run, such as ${pinned.examples.join(', ')}`;
    if (Date.now() >= until) {
      clearProgress();
      terminal.error(`version ${buildId} is ${found.status ?? 'in a state that is not known'}: ${runs}`);
      return REFUSED;
    }
    showProgress(`version ${buildId} drains: ${runs}`);
    await pause(Math.min(EVERY_MS, until - Date.now()));
  }
}
