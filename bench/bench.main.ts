import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createInterruptHandler } from '../dev/interrupts.ts';
import { StartError } from '../dev/servers/progress.ts';
import { parseArguments } from './arguments.ts';
import { startBenchServers } from './bench-servers.ts';
import { createClosers } from './closers.ts';
import { hardware, serverVersions } from './machine.ts';
import { markdown, type Table } from './measure/table.ts';
import { measureSagas, measureWholeStack } from './saga/benchmark.ts';
import { profileSaga } from './saga/profiled.ts';
import { sagaTables, stackTables } from './saga/report.ts';

const began = performance.now();
const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const progress = (line: string): void => {
  print(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)}s  ${line}`);
};
const closers = createClosers(progress);

async function main(): Promise<void> {
  const { scenario, rounds, seconds, out, profile } = parseArguments(process.argv.slice(2));
  const machine = hardware();
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const servers = await startBenchServers(progress, closers);
  const run = { servers, closers, progress, rounds, seconds };
  if (profile) {
    print(`\n${markdown(await profileSaga(run))}`);
    return;
  }
  const databaseUrl = await servers.createDatabase('versions');
  const facts = { ...machine, servers: await serverVersions({ ...servers, databaseUrl }) };
  const sagas = await measureSagas(run);
  const stack = await measureWholeStack(run);

  const tables: Table[] = [
    { title: 'Machine', head: ['', ''], rows: describe(facts) },
    ...sagaTables(sagas),
    ...stackTables(stack),
  ];
  print(`\n${tables.map(markdown).join('\n')}`);
  await mkdir(out, { recursive: true });
  const file = join(out, `${scenario}-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.json`);
  await writeFile(
    file,
    `${JSON.stringify({ machine: facts, rounds, seconds, sagas, stack }, undefined, 2)}\n`,
  );
  progress(`written to ${file}`);
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
