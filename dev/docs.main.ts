import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { excerptsOf, withParts } from './page-parts.ts';
import { sagaParts } from './saga-docs.ts';

const root = join(import.meta.dirname, '..');

/** Pages, what in them comes from definitions, and the folder whose marked files they quote; a test runs these. */
const pages = [
  { page: 'docs/sagas.md', parts: sagaParts(), walks: 'test/workflow/walks' },
  { page: 'docs/retrofit.md', parts: new Map<string, string>(), walks: 'test/integration/outbox/retrofit' },
];

for (const { page, parts, walks } of pages) {
  const all = new Map(parts);
  for (const file of await readdir(join(root, walks))) {
    const source = await readFile(join(root, walks, file), 'utf8');
    for (const [name, excerpt] of excerptsOf(source)) all.set(`${file.replace('.ts', '')}: ${name}`, excerpt);
  }
  const path = join(root, page);
  const before = await readFile(path, 'utf8');
  const after = await withParts(before, all);
  if (before === after) continue;
  if (process.argv.includes('--check')) {
    console.error(`${page} does not say what the code does any more; run: npm run docs`);
    process.exitCode = 1;
  } else {
    await writeFile(path, after);
  }
}
