import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ICruiseResult } from 'dependency-cruiser';
import { projectRoot } from './project-root.ts';

/** Every folder that has code of ours. */
const folders = [
  'activities',
  'api',
  'bench',
  'db',
  'dev',
  'domain',
  'messaging',
  'platform',
  'projections',
  'test',
  'worker',
  'workflows',
];

/** @returns a line per violation of the folder rules in this tree: `<rule>: <from> → <to>`. */
export const violationsOf = (root = projectRoot): Promise<string[]> => cruiseIn(root, folders);

/** Makes a tree of these files, by path, and tells what it violates. */
export async function violationsIn(files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'folder-rules-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }
    const present = new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''));
    return await cruiseIn(
      root,
      folders.filter((folder) => present.has(folder)),
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function cruiseIn(root: string, within: readonly string[]): Promise<string[]> {
  // Imported here because it cannot be required, as the test runner does with each file that it can.
  const { cruise } = await import('dependency-cruiser');
  const { default: extractDepcruiseOptions } =
    await import('dependency-cruiser/config-utl/extract-depcruise-options');
  const options = await extractDepcruiseOptions(join(projectRoot, '.dependency-cruiser.cjs'));
  const { output } = await cruise([...within], { ...options, baseDir: root });
  const { summary } = output as ICruiseResult;
  if (summary.totalCruised === 0) throw new Error(`no file was looked at in ${root}`);
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}
