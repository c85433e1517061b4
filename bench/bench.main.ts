import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterruptHandler } from '../dev/interrupts.ts';
import { StartError } from '../dev/servers/progress.ts';
import { parseArguments } from './arguments.ts';
import { createClosers } from './closers.ts';
import { hardware } from './machine.ts';
import { markdown } from './measure/table.ts';
import { benchAccept } from './accept/run.ts';
import { benchOverload } from './overload/run.ts';
import { benchProjections } from './projections/run.ts';
import { benchRelay } from './relay/run.ts';
import { benchSagas } from './saga/run.ts';

const began = performance.now();
const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const progress = (line: string): void => {
  print(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)}s  ${line}`);
};
const closers = createClosers(progress);

const scenarios = {
  saga: benchSagas,
  relay: benchRelay,
  accept: benchAccept,
  projections: benchProjections,
  overload: benchOverload,
};

async function main(): Promise<void> {
  const { scenario, out, ...given } = parseArguments(process.argv.slice(2));
  const machine = hardware();
  const { servers, tables, measurements } = await scenarios[scenario]({ ...given, closers, progress });
  const facts = { ...machine, servers };
  const report = [{ title: 'Machine', head: ['', ''], rows: describe(facts) }, ...tables]
    .map(markdown)
    .join('\n');
  print(`\n${report}`);
  if (!measurements) return;

  await mkdir(out, { recursive: true });
  const file = join(out, `${scenario}-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}`);
  await writeFile(`${file}.md`, report);
  await writeFile(
    `${file}.json`,
    `${JSON.stringify({ machine: facts, ...given, ...measurements }, undefined, 2)}\n`,
  );
  progress(`written to ${file}.json and .md`);
}

const describe = (facts: Record<string, unknown>): string[][] =>
  Object.entries(facts).map(([name, value]) => [name, JSON.stringify(value).replaceAll(/[{}"]/g, '')]);

async function endWith(code: number): Promise<never> {
  progress('ending all that was started');
  await closers.closeAll();
  process.exit(code);
}

let interrupted = false;
const onInterrupt = createInterruptHandler({
  now: () => performance.now(),
  stop: () => {
    interrupted = true;
    void endWith(130);
  },
  kill: () => process.exit(130),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onInterrupt);

main().then(
  () => endWith(0),
  (error: unknown) => {
    if (interrupted) return; // what is being ended fails, and the interrupt ends the process
    const isUsage = error instanceof StartError || (error instanceof TypeError && 'code' in error);
    print(isUsage ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
    return endWith(1);
  },
);
