import { writeFile } from 'node:fs/promises';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { bundleWorkflows } from './workflow-bundle.ts';

const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('usage: node dist/worker/bundle.main.js <file to write>\n');
  process.exit(2);
}
Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
await writeFile(target, (await bundleWorkflows()).code);
await Runtime.instance().shutdown();
