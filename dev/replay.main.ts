import { readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { temporalSchema } from '../platform/config.ts';
import { messageOf } from '../platform/error-serializer.ts';
import { grpcStatus, grpcStatusOf } from '../platform/temporal/grpc-status.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { connectClient } from '../worker/temporal-client.ts';
import { clearProgress, showProgress } from '../worker/terminal-progress.ts';
import { bundleWorkflows } from '../worker/workflow-bundle.ts';
import {
  adviceFor,
  factsOf,
  groupBroken,
  reasonOf,
  type BrokenReplay,
  type WorkflowFacts,
} from './broken-replays.ts';
import { historyFromJson, type History, type NamedHistory } from './history-json.ts';
import { readArguments, usage, type ReplayCommand } from './replay-arguments.ts';
import { replayed } from './replayed.ts';
import { useRunningStack } from './running-stack.ts';
import { runningHistories } from './running-histories.ts';

const BROKEN = 1;
const CANNOT_LOOK = 2;
const EXAMPLES = 5;

function fail(text: string): never {
  clearProgress();
  terminal.error(text);
  process.exit(CANNOT_LOOK);
}

function commandOrExit(): ReplayCommand {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    return fail(`${messageOf(error)}\n\n${usage}`);
  }
}

/** @throws Error that names the address, while Temporal does not answer */
async function onServer<T>(act: (client: Client, address: string) => Promise<T>): Promise<T> {
  const { config } = configureTool(temporalSchema, ['TEMPORAL_ADDRESS'], CANNOT_LOOK);
  const server = temporalServerOf(config);
  const { client, close } = await connectClient(server);
  try {
    return await act(client, server.connection.address);
  } finally {
    await close();
  }
}

/** @throws Error in a line where there is none, or Temporal does not answer */
const recorded = (workflowId: string): Promise<History> =>
  onServer(async (client, address) => {
    try {
      return await client.workflow.getHandle(workflowId).fetchHistory();
    } catch (error) {
      // Also said of a namespace that is not there.
      if (grpcStatusOf(error) === grpcStatus.NOT_FOUND && /workflow/i.test(messageOf(error)))
        throw new Error(`no workflow ${workflowId} in namespace ${client.options.namespace} at ${address}`, {
          cause: error,
        });
      throw new Error(`the history of ${workflowId} cannot be had from ${address}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  });

/** @throws Error that says what is wrong with the file */
async function saved(file: string): Promise<History> {
  try {
    return historyFromJson(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} holds no history that the Web UI has saved: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function replayOne(history: History, subject: string): Promise<number> {
  for await (const { error } of replayed(await bundle(), [{ workflowId: subject, history }]))
    if (error) {
      terminal.error(`${subject}: the code would act differently, or fails: ${reasonOf(error)}`);
      return BROKEN;
    }
  terminal.log(`${subject}: the code does what the history says.`);
  return 0;
}

const replayRunning = (wanted: Extract<ReplayCommand, { kind: 'running' }>): Promise<number> =>
  onServer(async (client) => {
    const facts = new Map<string, WorkflowFacts>();
    const broken: BrokenReplay[] = [];
    let examined = 0;
    async function* histories(): AsyncIterable<NamedHistory> {
      for await (const found of runningHistories(client, wanted)) {
        facts.set(found.workflowId, factsOf(found.history));
        yield found;
      }
    }
    for await (const { workflowId, error } of replayed(await bundle(), histories())) {
      const of = facts.get(workflowId);
      facts.delete(workflowId);
      if (error && of) broken.push({ workflowId, facts: of, error });
      examined += 1;
      showProgress(`${examined} running workflows replayed, ${broken.length} cannot go on`);
    }
    clearProgress();
    return tell(examined, broken);
  });

/** @returns the exit code */
function tell(examined: number, broken: readonly BrokenReplay[]): number {
  for (const group of groupBroken(broken)) {
    const { workflowType, kind, cause, workflowIds } = group;
    terminal.log(
      `${workflowIds.length} × ${workflowType} ${kind === 'changed' ? 'would act differently' : 'fails'}: ${cause}`,
    );
    for (const line of adviceFor(group)) terminal.log(`  ${line}`);
    const more = workflowIds.length - EXAMPLES;
    terminal.log(
      `  such as ${workflowIds.slice(0, EXAMPLES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    );
  }
  const moving = broken.filter(({ facts }) => facts.pinnedTo === undefined).length;
  const pinned = broken.length - moving;
  terminal.log(
    `${examined} running workflows replayed: ${moving} cannot go on with this code${pinned > 0 ? `, and ${pinned} that are pinned to their version need not` : ''}`,
  );
  return moving > 0 ? BROKEN : 0;
}

const bundle = (): Promise<{ code: string }> => bundleWorkflows(Runtime.instance().logger);

async function run(command: ReplayCommand): Promise<number> {
  switch (command.kind) {
    case 'file':
      return replayOne(await saved(command.path), command.path);
    case 'workflow':
      return replayOne(await recorded(command.workflowId), command.workflowId);
    case 'running':
      return replayRunning(command);
  }
}

const command = commandOrExit();
await useRunningStack();
Runtime.install({
  // The report at the end groups failures by cause, so the SDK does not log each of them.
  logger:
    command.kind === 'running' ? new DefaultLogger('ERROR', () => undefined) : new DefaultLogger('WARN'),
});
process.exitCode = await run(command).catch((error: unknown) => fail(messageOf(error)));
