import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { createTail, eachLine, shortForm } from './log-lines.ts';
import { describeExit, launch, rotateLog, settledWithin, type Child, type Exit } from './servers/child.ts';
import { stopLeftover } from './servers/process-identity.ts';
import { reasonOf, StartError, type Progress } from './servers/progress.ts';

/** One of our own processes. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 when it is ready. */
  readonly readyUrl: string;
}

interface SupervisorDeps {
  readonly progress: Progress;
  /** Holds `<name>.log` and `<name>.pid`. */
  readonly logDir: string;
  readonly readyWithinMs: number;
  readonly onLaunch?: (child: Child) => void;
}

export interface Supervised {
  /** Resolves when it is ready. @throws StartError with the end of its log; it is still to be stopped. */
  start(signal: AbortSignal): Promise<void>;
  /** SIGTERM, and SIGKILL after the limit, in ms. It is not started again. */
  stop(limitMs: number): Promise<void>;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** Whoever ran this long has earned a quick restart. */
const STEADY_MS = 30_000;
const TRIES_BEFORE_READY = 3;
const REPORT_EVERY_MS = 10_000;

/** Keeps one process running: when it ends by itself it is reported and started again, after a growing delay. */
export function createSupervised(spec: ProcessSpec, deps: SupervisorDeps): Supervised {
  const { progress } = deps;
  const say = (text: string): void => {
    progress(`[${spec.name}] ${text}`);
  };
  const pidFile = join(deps.logDir, `${spec.name}.pid`);
  const logFile = join(deps.logDir, `${spec.name}.log`);
  const stopping = new AbortController();
  let child: Child | undefined;
  let ready = false;
  let keeper: Promise<void> | undefined;

  async function runOnce(): Promise<{ exit: Exit; tail: string }> {
    await rotateLog(logFile);
    const log = createWriteStream(logFile, { flags: 'a' });
    // A full disk ends the log; the process goes on, and so does whoever keeps it.
    log.on('error', (error) => {
      say(`its log cannot be written: ${reasonOf(error)}`);
    });
    const logClosed = new Promise<void>((resolve) => {
      log.once('close', resolve);
    });
    const tail = createTail(15);
    const started = await launch({
      ...spec,
      pidFile,
      env: { ...spec.env },
      output: {
        to: (stream) => {
          eachLine(stream, (line) => {
            log.write(`${line}\n`);
            tail.add(line);
            const short = shortForm(line);
            if (short !== undefined) say(short);
          });
        },
      },
    });
    child = started;
    deps.onLaunch?.(started);
    if (stopping.signal.aborted) started.kill();
    const exit = await started.exited;
    child = undefined;
    log.end();
    await logClosed;
    return { exit, tail: tail.text() };
  }

  async function keepRunning(): Promise<void> {
    let delay = FIRST_DELAY_MS;
    for (let attempt = 1; ; attempt += 1) {
      const began = Date.now();
      const { exit, tail } = await runOnce();
      if (stopping.signal.aborted) return;
      const report = `${describeExit(exit)}; end of ${logFile}:\n${tail}`;
      if (!ready && attempt === TRIES_BEFORE_READY) throw new StartError(`${spec.name} ${report}`);
      if (Date.now() - began > STEADY_MS) delay = FIRST_DELAY_MS;
      say(`${report}\n[${spec.name}] starting again in ${delay / 1_000} s`);
      if (!(await pauseUnless(stopping.signal, delay))) return;
      delay = Math.min(delay * 2, LONGEST_DELAY_MS);
    }
  }

  return {
    start: async (signal) => {
      await stopLeftover(pidFile, spec.name, 'SIGTERM', progress);
      signal.throwIfAborted();
      keeper = keepRunning();
      const noLonger = new AbortController();
      try {
        const failed = keeper.then(() => {
          throw new StartError(`${spec.name} was stopped`);
        });
        await Promise.race([failed, untilReady(spec, deps, AbortSignal.any([noLonger.signal, signal]))]);
        ready = true;
      } finally {
        noLonger.abort();
      }
      keeper.catch((error: unknown) => {
        say(`cannot be started again: ${reasonOf(error)}`);
      });
    },
    stop: async (limitMs) => {
      stopping.abort();
      await child?.stop('SIGTERM', limitMs);
      // How it ended was said when it happened; here it only has to be over.
      if (keeper)
        await settledWithin(
          keeper.catch(() => undefined),
          limitMs,
        );
    },
  };
}

const readiness = z.object({ notReady: z.array(z.string()) });

async function untilReady(
  { name, readyUrl }: ProcessSpec,
  deps: SupervisorDeps,
  signal: AbortSignal,
): Promise<void> {
  const began = Date.now();
  let reported = began;
  for (;;) {
    const problem = await whyNotReady(readyUrl);
    if (problem === undefined) return;
    signal.throwIfAborted();
    const now = Date.now();
    if (now - began > deps.readyWithinMs)
      throw new StartError(
        `${name} is not ready after ${deps.readyWithinMs / 1_000} s: ${problem}; its log is ${join(deps.logDir, `${name}.log`)}`,
      );
    if (now - reported > REPORT_EVERY_MS) {
      reported = now;
      deps.progress(`${name}: starting, ${Math.round((now - began) / 1_000)} s`);
    }
    await pauseUnless(signal, 200);
  }
}

async function whyNotReady(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    if (response.ok) {
      await response.arrayBuffer();
      return undefined;
    }
    const body = readiness.safeParse(await response.json());
    return body.success ? `not ready: ${body.data.notReady.join(', ')}` : `answers ${response.status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** @returns false when the signal cut it short. */
const pauseUnless = (signal: AbortSignal, ms: number): Promise<boolean> =>
  pause(ms, true, { signal }).catch(() => false);
