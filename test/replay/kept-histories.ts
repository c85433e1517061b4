import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyFromJson, type NamedHistory } from '../../dev/history-json.ts';
import { projectRoot } from '../support/project-root.ts';

const folder = join(import.meta.dirname, 'histories');

/** The release that this tree is becoming, as its folder is called: major and minor version. */
async function presentRelease(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version.split('.').slice(0, 2).join('.');
}

export const presentFolder = async (): Promise<string> => join(folder, await presentRelease());

/** Names of the files in a folder of histories, without their suffix. */
export const namesIn = async (place: string): Promise<string[]> =>
  (await readdir(place)).filter((name) => name.endsWith('.json')).map((name) => name.replace(/\.json$/, ''));

/** All histories that were recorded with any release, named by release and path. */
export async function keptHistories(): Promise<NamedHistory[]> {
  const kept: NamedHistory[] = [];
  for (const release of (await readdir(folder)).sort())
    for (const name of (await namesIn(join(folder, release))).sort()) {
      const text = await readFile(join(folder, release, `${name}.json`), 'utf8');
      kept.push({ workflowId: `${release}/${name}`, history: historyFromJson(JSON.parse(text)) });
    }
  return kept;
}
