import { parseArgs } from 'node:util';
import { StartError } from '../dev/servers/progress.ts';

/** How often everything is measured unless told otherwise. */
const roundsOf = { saga: 3, relay: 5, accept: 5, projections: 5, overload: 1 } as const;
type Scenario = keyof typeof roundsOf;
const scenarios = Object.keys(roundsOf) as Scenario[];

interface BenchArguments {
  readonly scenario: Scenario;
  readonly rounds: number;
  readonly seconds: number;
  /** Folder for the JSON. */
  readonly out: string;
  /** Instead of measuring: where the time goes. */
  readonly profile: boolean;
  /** With the measurements that take long. */
  readonly long: boolean;
}

const usage = `usage: npm run bench -- <${scenarios.join(' | ')}> [--rounds 5 (saga: 3, overload: 1)] [--seconds 5] [--out bench/results] [--profile] [--long (relay, accept, projections)]`;

/** @throws StartError, or TypeError of `parseArgs`, that says what is wrong. */
export function parseArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string', default: '5' },
      out: { type: 'string', default: 'bench/results' },
      profile: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
    },
  });
  const scenario = scenarios.find((known) => known === positionals[0]);
  if (scenario === undefined || positionals.length !== 1) throw new StartError(usage);
  const positive = (name: 'rounds' | 'seconds', given: string): number => {
    const value = Number(given);
    if (!Number.isInteger(value) || value < 1)
      throw new StartError(`--${name}=${given} is not a whole number above 0\n${usage}`);
    return value;
  };
  return {
    scenario,
    rounds: positive('rounds', values.rounds ?? String(roundsOf[scenario])),
    seconds: positive('seconds', values.seconds),
    out: values.out,
    profile: values.profile,
    long: values.long,
  };
}
