import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, Runtime, type Logger, type WorkflowBundleOption } from '@temporalio/worker';
import { dataConverter } from '../platform/temporal-data.ts';
import { cachedBundle } from './bundle-cache.ts';

// Sources and `dist/` differ in the suffix, and this is a path that the compiler does not rewrite.
const workflowsPath = fileURLToPath(
  new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url),
);

/** Code of all workflows for the sandbox. What the bundler says goes to the logger. */
export const bundleWorkflows = (logger: Logger): Promise<{ code: string }> =>
  bundleWorkflowCode({ workflowsPath, logger, ...dataConverter });

interface BundleSettings {
  /** File with a bundle that `npm run build` has made. */
  readonly built?: string | undefined;
  /** Folder in which bundles of the sources are kept. Absent: they are not. */
  readonly cache?: string | undefined;
}

/** The built bundle, or one of the sources: kept from an earlier time, or made now, which takes some seconds. */
export async function workflowBundle({ built, cache }: BundleSettings): Promise<WorkflowBundleOption> {
  if (built !== undefined) return { codePath: built };
  const { logger } = Runtime.instance();
  return cache === undefined ? bundleWorkflows(logger) : cachedWorkflows(cache, logger);
}

/** The same code as of `bundleWorkflows`, made once for the same sources and packages. @param folder that keeps it */
export const cachedWorkflows = (folder: string, logger: Logger): Promise<{ code: string }> =>
  cachedBundle({
    folder,
    root: fileURLToPath(new URL('..', import.meta.url)),
    sources: ['domain', 'workflows'],
    build: () => bundleWorkflows(logger),
    onProblem: (error) => {
      logger.debug('the workflow bundle is not kept', { error });
    },
  });
