import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { loadConfig } from '../platform/config.ts';
import { configOrExit } from '../platform/run-process.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import { stackSchema } from './dev-config.ts';

const usage = `npm run replay -- <workflow id | history.json>

Runs the workflow code of this tree against a history that was recorded, from the Temporal server of the stack or from
a file that the Web UI saved. It fails where the code would now act differently. Workflows run in this process and may
think as long as they want, so that breakpoints work: node --inspect-brk --import tsx dev/replay.main.ts <workflow id>`;

type History = Parameters<typeof Worker.runReplayHistory>[1];

const config = configOrExit(() => loadConfig(stackSchema));
const [subject] = parseArgs({ allowPositionals: true }).positionals;
if (subject === undefined) {
  console.error(usage);
  process.exit(2);
}

async function recorded(workflowId: string): Promise<History> {
  const address = config.TEMPORAL_ADDRESS ?? `127.0.0.1:${config.TEMPORAL_PORT}`;
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, dataConverter });
    return await client.workflow.getHandle(workflowId).fetchHistory();
  } finally {
    await connection.close();
  }
}

Runtime.install({ logger: new DefaultLogger('WARN') });
const history = subject.endsWith('.json')
  ? historyFromJSON(JSON.parse(await readFile(subject, 'utf8')))
  : await recorded(subject);
await Worker.runReplayHistory(
  {
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    dataConverter,
  },
  history,
  subject,
);
console.log(`${subject}: the code does what the history says.`);
