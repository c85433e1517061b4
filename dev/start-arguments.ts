import { parseArgs } from 'node:util';
import { StartError } from './servers/progress.ts';

/** What Temporal is started as: the dev server with its own file, or a whole server with its data in PostgreSQL. */
const temporalKinds = ['dev', 'postgres'] as const;
export type TemporalKind = (typeof temporalKinds)[number];

interface StartArguments {
  readonly fresh: boolean;
  readonly help: boolean;
  readonly temporal: TemporalKind;
}

/** @throws StartError, or TypeError of `parseArgs`, that says what is wrong. */
export function parseArguments(args: readonly string[]): StartArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      temporal: { type: 'string', default: 'dev' },
    },
  });
  const temporal = temporalKinds.find((kind) => kind === values.temporal);
  if (temporal === undefined)
    throw new StartError(
      `--temporal=${values.temporal} is not known; it can be ${temporalKinds.join(' or ')}`,
    );
  return { fresh: values.fresh, help: values.help, temporal };
}
