import { writeFile } from 'node:fs/promises';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from './workflow-bundle.ts';

const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('usage: node dist/worker/bundle.main.js <file to write>\n');
  process.exit(2);
}
await writeFile(target, (await bundleWorkflows(new DefaultLogger('WARN'))).code);
