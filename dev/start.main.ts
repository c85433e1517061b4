import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { visible } from '../domain/characters.ts';
import { ConfigError, loadConfig, useNamedTemporalProfile } from '../platform/config.ts';
import { stackSchema } from './dev-config.ts';
import { endTogether } from './end-together.ts';
import { createInterruptHandler } from './interrupts.ts';
import { cacheRoot } from './servers/cache.ts';
import { StartError } from './servers/progress.ts';
import { createStack } from './stack.ts';
import { stackAuthentication } from './stack-key.ts';
import { parseArguments } from './start-arguments.ts';
import { dataDirOf, stackPreparations, stackProcesses, stackTasks } from './stack-settings.ts';
import { usage, welcome } from './welcome.ts';

/** Written at once, so that nothing is lost when the process ends right after it. */
const print = (text: string): void => {
  try {
    writeSync(1, `${text}\n`);
  } catch {
    // Nobody reads any more (`npm start | head`), which is no reason to leave the stack without its keeper.
  }
};

async function main(): Promise<void> {
  const { fresh, help, temporal } = parseArguments(process.argv.slice(2));
  if (help) {
    print(usage());
    return;
  }
  useNamedTemporalProfile();
  const config = loadConfig(stackSchema);
  const projectRoot = resolve(import.meta.dirname, '..');
  const cache = await cacheRoot();
  const dataDir = dataDirOf(config, cache, projectRoot);
  const began = Date.now();
  const progress = (line: string): void => {
    print(`${((Date.now() - began) / 1_000).toFixed(1).padStart(6)}s  ${line}`);
  };
  const processes = stackProcesses(config, await stackAuthentication(config, dataDir), cache);
  const stack = createStack({
    config,
    projectRoot,
    dataDir,
    fresh,
    temporal,
    preparations: stackPreparations(cache),
    tasks: stackTasks,
    processes,
    progress,
  });

  const interrupted = new AbortController();
  const onInterrupt = createInterruptHandler({
    now: () => performance.now(),
    stop: () => {
      interrupted.abort();
      print('\nStopping; Ctrl-C again kills everything at once.');
      void stack.stop().then(
        () => {
          print('Stopped. The data is kept.');
          process.exit(0);
        },
        (error: unknown) => {
          fail(error);
          stack.kill();
          process.exit(1);
        },
      );
    },
    kill: () => {
      print('Killed.');
      stack.kill();
      process.exit(130);
    },
  });
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
  process.on('SIGHUP', onInterrupt);
  endTogether({
    stop: () => stack.stop(),
    kill: () => {
      stack.kill();
    },
    report: fail,
  });

  try {
    const addresses = await stack.start();
    print(welcome({ config, processes, dataDir, addresses }));
  } catch (error) {
    if (interrupted.signal.aborted) return; // the interrupt ends the process
    fail(error);
    await stack.stop();
    process.exit(1);
  }
}

/** What can be expected to happen is told in plain words; anything else with its stack. */
function fail(error: unknown): void {
  const expected = error instanceof StartError || error instanceof ConfigError || isUsageError(error);
  const text = expected
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  print(`\n${visible(text, '\n')}`);
}

const isUsageError = (error: unknown): error is Error =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');

main().catch((error: unknown) => {
  fail(error);
  process.exit(1);
});
