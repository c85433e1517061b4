import { parseArgs } from 'node:util';
import { StartError } from '../dev/servers/progress.ts';

const scenarios = ['saga'] as const;

interface BenchArguments {
  readonly scenario: (typeof scenarios)[number];
  readonly rounds: number;
  readonly seconds: number;
  /** Folder for the JSON. */
  readonly out: string;
  /** Instead of measuring: where the time goes. */
  readonly profile: boolean;
}

const usage = `usage: npm run bench -- <${scenarios.join(' | ')}> [--rounds 3] [--seconds 5] [--out bench/results] [--profile]`;

/** @throws StartError, or TypeError of `parseArgs`, that says what is wrong. */
export function parseArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      out: { type: 'string', default: 'bench/results' },
      profile: { type: 'boolean', default: false },
    },
  });
  const scenario = scenarios.find((known) => known === positionals[0]);
  if (scenario === undefined || positionals.length !== 1) throw new StartError(usage);
  const positive = (name: 'rounds' | 'seconds'): number => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1)
      throw new StartError(`--${name}=${values[name]} is not a whole number above 0\n${usage}`);
    return value;
  };
  return {
    scenario,
    rounds: positive('rounds'),
    seconds: positive('seconds'),
    out: values.out,
    profile: values.profile,
  };
}
