import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Runtime, type Logger, type WorkflowBundleOption } from '@temporalio/worker';
import { dataConverter } from '../platform/temporal-data.ts';

// Sources and `dist/` differ in the suffix, and this is a path that the compiler does not rewrite.
const workflowsPath = fileURLToPath(
  new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url),
);

/** Code of all workflows for the sandbox. What the bundler says goes to the logger. */
export const bundleWorkflows = (logger: Logger): Promise<{ code: string }> =>
  bundleWorkflowCode({ workflowsPath, logger, ...dataConverter });

/** The built bundle, or one made now, which takes some seconds. */
export const workflowBundle = (builtBundle: string | undefined): Promise<WorkflowBundleOption> =>
  builtBundle === undefined
    ? bundleWorkflows(Runtime.instance().logger)
    : Promise.resolve({ codePath: builtBundle });
