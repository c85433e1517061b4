import { parseArgs } from 'node:util';

export const usage = `npm run deployment -- status                    versions of the workers, what each gets, and what still runs on it
npm run deployment -- status --json             the same for programs
npm run deployment -- ramp <percent> [build]    gives a version this share of new work; 0 takes the ramp away
npm run deployment -- set-current [build]       gives a version all new work, and ends the ramp
npm run deployment -- set-current --unversioned gives all new work to workers without a version
npm run deployment -- drain <build>             waits until nothing that runs needs a version any more

build is a build id, TEMPORAL_WORKER_BUILD_ID when it is left out. New work is workflows that start, and the next task of
those that are not pinned. A version is refused that no worker polls for (--allow-no-pollers), or that does not poll each
task queue of the current one (--ignore-missing-task-queues).

They end with 0 when it is done, with 1 when Temporal refuses it or there is no such version, and with 2 when they could
not ask. drain ends with 1 at once while the version is current or ramping, and after --within <seconds> (waits for ever).
They use TEMPORAL_*, with TEMPORAL_DEPLOYMENT_NAME naming the deployment.`;

interface Allowed {
  readonly ignoreMissingTaskQueues: boolean;
  readonly allowNoPollers: boolean;
}
export type DeploymentCommand =
  | { readonly name: 'status'; readonly json: boolean }
  | { readonly name: 'ramp'; readonly percent: number; readonly buildId: string; readonly allowed: Allowed }
  /** Without a build id: unversioned workers. */
  | { readonly name: 'set-current'; readonly buildId: string | undefined; readonly allowed: Allowed }
  /** Waits for ever without a limit. */
  | { readonly name: 'drain'; readonly buildId: string; readonly withinMs: number | undefined };

const options = {
  json: { type: 'boolean' },
  unversioned: { type: 'boolean' },
  'ignore-missing-task-queues': { type: 'boolean' },
  'allow-no-pollers': { type: 'boolean' },
  within: { type: 'string' },
} as const;
type Option = keyof typeof options;

const routing: readonly Option[] = ['ignore-missing-task-queues', 'allow-no-pollers'];
const optionsOf: Readonly<Record<DeploymentCommand['name'], readonly Option[]>> = {
  status: ['json'],
  ramp: routing,
  'set-current': ['unversioned', ...routing],
  drain: ['within'],
};

/**
 * @param ownBuildId the build id of the settings
 * @throws Error that says what is wrong with them
 */
export function readArguments(args: readonly string[], ownBuildId: string | undefined): DeploymentCommand {
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options });
  const [name, ...rest] = positionals;
  if (name === undefined || !(name in optionsOf))
    throw new Error(`say status, ramp, set-current or drain${name === undefined ? '' : `, not ${name}`}`);
  const command = name as DeploymentCommand['name'];
  for (const option of Object.keys(values) as Option[])
    if (!optionsOf[command].includes(option)) throw new Error(`${command} does not take --${option}`);
  const allowed = {
    ignoreMissingTaskQueues: values['ignore-missing-task-queues'] ?? false,
    allowNoPollers: values['allow-no-pollers'] ?? false,
  };
  const only = (count: number): void => {
    if (rest.length > count) throw new Error(`${rest.slice(count).join(' ')} is one argument too many`);
  };
  switch (command) {
    case 'status':
      only(0);
      return { name: command, json: values.json ?? false };
    case 'ramp':
      only(2);
      return { name: command, percent: percentIn(rest[0]), buildId: buildIn(rest[1], ownBuildId), allowed };
    case 'set-current':
      only(1);
      if (values.unversioned && rest.length > 0)
        throw new Error('set-current takes either a build id or --unversioned');
      return {
        name: command,
        buildId: values.unversioned ? undefined : buildIn(rest[0], ownBuildId),
        allowed,
      };
    case 'drain':
      only(1);
      // Not that of the settings: they are more likely those of the version that stays.
      return { name: command, buildId: buildIn(rest[0], undefined), withinMs: secondsIn(values.within) };
  }
}

function percentIn(text: string | undefined): number {
  if (text === undefined || !/^\d{1,3}$/.test(text) || Number(text) > 100)
    throw new Error('ramp takes a whole number of percent from 0 to 100');
  return Number(text);
}

function secondsIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new Error('--within takes seconds, up to 999999');
  return Number(text) * 1_000;
}

function buildIn(text: string | undefined, ownBuildId: string | undefined): string {
  const build = text ?? ownBuildId;
  if (build === undefined) throw new Error('name the build id of the version');
  return build;
}
