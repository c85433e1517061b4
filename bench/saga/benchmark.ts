import type { Progress } from '../../dev/servers/progress.ts';
import type { BenchServers } from '../bench-servers.ts';
import type { Closers } from '../closers.ts';
import { closedLoop, openLoop, type Measured } from '../measure/loops.ts';
import { figure } from '../measure/table.ts';
import {
  concurrencies,
  variantNames,
  variants,
  WARM_UP_MS,
  wholeStack,
  type VariantName,
} from '../scenarios/saga.ts';
import type { VariantSettings } from './protocol.ts';
import { startVariant, type VariantProcess } from './variant-process.ts';
import { startWholeStack } from './whole-stack.ts';

interface Run {
  readonly servers: BenchServers;
  readonly closers: Closers;
  readonly progress: Progress;
  readonly rounds: number;
  /** Of each measurement, after its warm-up. */
  readonly seconds: number;
}

/** One measurement; a list of them holds the rounds in their order. */
export interface SagaCell {
  readonly variant: VariantName;
  readonly concurrency: number;
  readonly measured: Measured;
}
export interface StackCell {
  readonly load: 'one at a time' | 'highest rate' | 'half load';
  readonly measured: Measured;
}

export async function variantSettings(servers: BenchServers, name: VariantName): Promise<VariantSettings> {
  const variant = variants[name];
  await servers.createNamespace(variant.name);
  return {
    name: variant.name,
    activities: variant.activities,
    localSteps: [...variant.localSteps],
    address: servers.temporalAddress,
    namespace: variant.name,
    bundle: await servers.bundle(variant.workflows),
    databaseUrl: await servers.createDatabase(variant.name),
  };
}

/** All variants run at the same time, and one is measured while the others idle. */
export async function measureSagas(run: Run): Promise<SagaCell[]> {
  const { servers, closers, progress } = run;
  const running = new Map<VariantName, VariantProcess>();
  for (const name of variantNames)
    running.set(name, await startVariant(await variantSettings(servers, name), closers));

  const cells: SagaCell[] = [];
  for (let round = 1; round <= run.rounds; round++)
    for (const concurrency of concurrencies)
      for (const [variant, { measure }] of running) {
        const cell = { concurrency, warmUpMs: WARM_UP_MS, measureMs: run.seconds * 1_000 };
        const { measured } = await measure(cell, servers.processes);
        cells.push({ variant, concurrency, measured });
        progress(`round ${round}  ${variants[variant].name} × ${concurrency}: ${inShort(measured)}`);
      }
  for (const { end } of running.values()) await end();
  return cells;
}

export async function measureWholeStack(run: Run): Promise<StackCell[]> {
  const { progress } = run;
  progress('starting the four processes');
  const stack = await startWholeStack(run.servers, run.closers);
  const { processes } = stack;
  const window = { warmUpMs: WARM_UP_MS, measureMs: run.seconds * 1_000, processes };
  const place = async (): Promise<boolean> => {
    await stack.placeOrder();
    return true;
  };
  const cells: StackCell[] = [];
  const add = (load: StackCell['load'], measured: Measured): void => {
    cells.push({ load, measured });
    progress(`whole stack, ${load}: ${inShort(measured)}`);
  };
  for (let round = 1; round <= run.rounds; round++) {
    add('one at a time', await closedLoop(1, window, place));
    const highest = await closedLoop(wholeStack.highestRateAt, window, place);
    add('highest rate', highest);
    const rate = highest.perSecond * wholeStack.halfLoad;
    add('half load', await openLoop(rate, window, () => stack.placeOrder()));
  }
  await stack.stop();
  return cells;
}

const inShort = ({ perSecond, p50, p99 }: Measured): string =>
  `${figure(perSecond)}/s, p50 ${figure(p50)} ms, p99 ${figure(p99)} ms`;
