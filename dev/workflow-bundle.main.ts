import { DefaultLogger } from '@temporalio/worker';
import { loadConfig, workerSettings } from '../platform/config.ts';
import { cachedWorkflows } from '../worker/workflow-bundle.ts';

// Run by npm start while the servers start, so that the worker finds the code of its workflows made.
const { WORKFLOW_BUNDLE_CACHE } = loadConfig(workerSettings.pick({ WORKFLOW_BUNDLE_CACHE: true }));
if (WORKFLOW_BUNDLE_CACHE !== undefined)
  await cachedWorkflows(WORKFLOW_BUNDLE_CACHE, new DefaultLogger('WARN'));
