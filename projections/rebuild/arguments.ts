import { parseArgs } from 'node:util';
import type { Projection } from '../kit/projection.ts';

export interface RebuildRequest {
  readonly wanted: readonly Projection[];
  readonly action: 'rebuild' | 'check' | 'rollback' | 'drop-previous';
  readonly incomplete: boolean;
}

/** What was typed cannot be done; the message names what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const usage = (
  projections: readonly Projection[],
): string => `npm run rebuild -- <name>… | all      build anew beside the live tables, compare, swap
npm run rebuild -- <name>… --check          build and compare only; ends with 1 when something differs
npm run rebuild -- <name>… --incomplete     also without orders whose beginning is no longer there
npm run rebuild -- <name>… --rollback       bring back what was live before the last swap
npm run rebuild -- <name>… --drop-previous  drop what is kept for that

Projections of this release: ${projections.map(({ name, version }) => `${name} (v${version})`).join(', ')}.
It uses DATABASE_URL, READ_DATABASE_URL and NATS_URL, as the owner of the database.`;

const options = {
  check: { type: 'boolean', default: false },
  incomplete: { type: 'boolean', default: false },
  rollback: { type: 'boolean', default: false },
  'drop-previous': { type: 'boolean', default: false },
} as const;

/** @throws UsageError */
export function parseRequest(args: readonly string[], projections: readonly Projection[]): RebuildRequest {
  const { positionals, values } = parse(args);
  const actions = (['check', 'rollback', 'drop-previous'] as const).filter((name) => values[name]);
  if (actions.length > 1)
    throw new UsageError(`--${actions.join(' and --')} are different things to do; give one of them`);
  const [action = 'rebuild'] = actions;
  if (values.incomplete && action !== 'rebuild')
    throw new UsageError(`--incomplete says how to rebuild, and goes not with --${action}`);
  if (positionals.length === 0) throw new UsageError('name at least one projection, or all');
  const names = new Set(positionals);
  if (names.has('all') && names.size > 1) throw new UsageError('all already names every projection');
  const unknown = [...names].filter(
    (each) => each !== 'all' && projections.every(({ name }) => name !== each),
  );
  if (unknown.length > 0) throw new UsageError(`there is no projection ${unknown.join(', ')}`);
  const wanted = projections.filter(({ name }) => names.has('all') || names.has(name));
  return { wanted, action, incomplete: values.incomplete };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
