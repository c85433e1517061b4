import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isGrpcServiceError } from '@temporalio/client';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { temporalSchema } from '../platform/config.ts';
import { messageOf } from '../platform/error-serializer.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { connectClient } from '../worker/temporal-client.ts';
import { useRunningStack } from './running-stack.ts';

const usage = `npm run replay -- <workflow id | history.json>

Runs the workflow code of this tree against a history that was recorded, from the Temporal server of the stack or from
a file that the Web UI saved. It fails where the code would now act differently. Workflows run in this process and may
think as long as they want, so that breakpoints work: node --inspect-brk --import tsx dev/replay.main.ts <workflow id>`;

/** gRPC's, also of a namespace that is not there. */
const NOT_FOUND = 5;

type History = Parameters<typeof Worker.runReplayHistory>[1];

const [subject] = parseArgs({ allowPositionals: true }).positionals;
if (subject === undefined) fail(usage);

function fail(text: string): never {
  terminal.error(text);
  process.exit(2);
}

/** @throws Error in a line where there is none, or Temporal does not answer */
async function recorded(workflowId: string): Promise<History> {
  const { config } = configureTool(temporalSchema, ['TEMPORAL_ADDRESS'], 2);
  const server = temporalServerOf(config);
  const {
    namespace,
    connection: { address },
  } = server;
  const { client, close } = await connectClient(server);
  try {
    return await client.workflow.getHandle(workflowId).fetchHistory();
  } catch (error) {
    const status: number | undefined = isGrpcServiceError(error) ? error.code : undefined;
    if (status === NOT_FOUND && /workflow/i.test(messageOf(error)))
      throw new Error(`no workflow ${workflowId} in namespace ${namespace} at ${address}`, { cause: error });
    throw new Error(`the history of ${workflowId} cannot be had from ${address}: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await close();
  }
}

/** @throws Error that says what is wrong with the file */
async function saved(file: string): Promise<History> {
  try {
    return historyFromJSON(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} holds no history that the Web UI has saved: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

await useRunningStack();
Runtime.install({ logger: new DefaultLogger('WARN') });
const history = await (subject.endsWith('.json') ? saved(subject) : recorded(subject)).catch(
  (error: unknown) => fail(messageOf(error)),
);
await Worker.runReplayHistory(
  {
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    dataConverter,
  },
  history,
  subject,
);
terminal.log(`${subject}: the code does what the history says.`);
