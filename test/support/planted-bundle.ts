import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type BundleOptions } from '@temporalio/worker';
import { dataConverter } from '../../platform/temporal-data.ts';
import { testDataDir } from './servers.ts';

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];
type Plugin = Extract<NonNullable<WebpackConfig['plugins']>[number], { apply: unknown }>;

const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/**
 * The sagas with another module in the place of one that workflows import.
 * @param planted its path; it may import the real one
 * @param replaces as the workflows name it
 */
export async function bundleWithPlanted(planted: string, replaces = './saga.ts'): Promise<{ code: string }> {
  let replaced = 0;
  const replacing = {
    apply: ({ hooks }) => {
      hooks.normalModuleFactory.tap('planted', (factory) => {
        factory.hooks.beforeResolve.tap('planted', (module) => {
          if (module.request !== replaces || module.contextInfo.issuer === planted) return;
          module.request = planted;
          replaced += 1;
        });
      });
    },
  } satisfies Plugin;
  const bundle = await bundleWorkflowCode({
    workflowsPath,
    ...dataConverter,
    logger: new DefaultLogger('ERROR'),
    webpackConfigHook: (config) => ({ ...config, plugins: [...(config.plugins ?? []), replacing] }),
  });
  if (replaced === 0) throw new Error(`no workflow imports ${replaces} any more: nothing was planted`);
  return bundle;
}

/** @returns a file with that bundle, for the setting WORKFLOW_BUNDLE */
export async function fileWithPlanted(planted: string): Promise<string> {
  const file = join(await testDataDir(), `${basename(planted, '.ts')}-bundle.js`);
  await writeFile(file, (await bundleWithPlanted(planted)).code);
  return file;
}
