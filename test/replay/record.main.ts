import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyFromJson } from '../../dev/history-json.ts';
import { terminal } from '../../platform/terminal.ts';
import type { FakeSteps } from '../support/fake-steps.ts';
import { brokenReplays } from '../support/replays.ts';
import { createWorkflowEnvironment, sagaBundle } from '../support/workflow-env.ts';
import { presentFolder } from './kept-histories.ts';
import { createPathActivities, orderIdOf, paths } from './paths.ts';
import { scrubbed } from './scrubbed.ts';

// Records the history of every path with the workflows of this tree, in place of those of the present release. A history of
// an earlier release stays as it is.
const fakes = new Map<string, FakeSteps>();
const environment = await createWorkflowEnvironment(createPathActivities(fakes), sagaBundle, undefined);
const orderIds = new Set([...paths.keys()].map(orderIdOf));
const files = new Map<string, string>();
try {
  for (const [name, run] of paths) {
    const saga = await run({ environment, fakes });
    files.set(
      name,
      scrubbed(await saga.fetchHistory(), (id) => orderIds.has(id)),
    );
  }
} finally {
  await environment.close();
}

const broken = await brokenReplays(
  await sagaBundle(),
  [...files].map(([workflowId, text]) => ({ workflowId, history: historyFromJson(JSON.parse(text)) })),
);
if (broken.length > 0) {
  terminal.error(`what was recorded cannot be replayed, and nothing was written:\n${broken.join('\n')}`);
  process.exit(1);
}
const folder = await presentFolder();
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const [name, text] of files) await writeFile(join(folder, `${name}.json`), text);
terminal.log(`${files.size} histories are recorded in ${folder}`);
process.exit(0);
