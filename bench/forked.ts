import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { settledWithin } from '../dev/servers/child.ts';
import type { Closers } from './closers.ts';

/** What a forked process sends: `ready` once by itself, then one answer to each request. */
type FromForked<Answer> =
  { readonly is: 'ready' } | { readonly is: 'failed'; readonly reason: string } | Answer;

interface Kind {
  readonly is: string;
}

export interface Forked<Request, Answer extends Kind> {
  readonly pid: number;
  /** @throws Error when the answer is another one, or the process fails or ends. */
  ask<T extends Answer['is']>(request: Request, expected: T): Promise<Extract<Answer, { is: T }>>;
  /** Sends what ends it; resolves when it has ended. */
  end(request: Request): Promise<void>;
}

interface ForkOptions {
  readonly name: string;
  readonly file: string;
  /** Reaches it as JSON in its only argument. */
  readonly settings: unknown;
  readonly closers: Closers;
  /** Of Node.js. */
  readonly flags?: readonly string[];
  /** Where it leaves what V8 saw, when it ends. */
  readonly profileDir?: string | undefined;
}

const END_LIMIT_MS = 20_000;

/** A process with an event loop of its own, that does what it is asked for, one request at a time. */
export async function startForked<Request extends object, Answer extends Kind>(
  options: ForkOptions,
): Promise<Forked<Request, Answer>> {
  const { name, file, settings, closers, flags = [], profileDir } = options;
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir];
  const child = fork(file, [JSON.stringify(settings)], {
    execArgv: [...flags, '--import', 'tsx', ...profiling],
    // Ctrl-C in a terminal reaches the driver alone, which ends everything in order.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  closers.add(name, async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  await nextAnswer(name, child, 'ready');
  return {
    pid: child.pid ?? Number.NaN,
    ask: async (request, expected) => {
      const answer = nextAnswer(name, child, expected);
      child.send(request);
      return (await answer) as Extract<Answer, { is: typeof expected }>;
    },
    end: async (request) => {
      child.send(request);
      if (!(await settledWithin(exited, END_LIMIT_MS))) throw new Error(`${name} did not end`);
    },
  };
}

async function nextAnswer(name: string, child: ChildProcess, expected: string): Promise<Kind> {
  const over = new AbortController();
  try {
    const answer = await Promise.race([
      once(child, 'message', { signal: over.signal }).then(([message]) => message as FromForked<Kind>),
      once(child, 'exit', { signal: over.signal }).then(([code]): never => {
        throw new Error(`the process ${name} ended with code ${String(code)}`);
      }),
    ]);
    if ('reason' in answer) throw new Error(answer.reason);
    if (answer.is !== expected) throw new Error(`answered ${answer.is} where ${expected} was expected`);
    return answer;
  } finally {
    over.abort();
  }
}

/**
 * The other end: says that it is ready and answers what it is asked. Ends with the driver, however that ended.
 * @param answer undefined when there is none to give
 */
export function answerRequests(answer: (request: unknown) => Promise<Kind | undefined>): void {
  const send = (message: FromForked<Kind>): void => {
    process.send?.(message);
  };
  process.on('message', (message) => {
    answer(message).then(
      (given) => {
        if (given) send(given);
      },
      (error: unknown) => {
        send({
          is: 'failed',
          reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
      },
    );
  });
  process.on('disconnect', () => process.exit(1));
  send({ is: 'ready' });
}
