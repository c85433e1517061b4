import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { excerptOf, sagaParts, withParts } from './saga-docs.ts';

const root = join(import.meta.dirname, '..');
const file = join(root, 'docs/sagas.md');
/** Walked through by a test; the name of a part in the document is `<file>: <part>`. */
const walks = [
  ['add-a-step', 'definition'],
  ['add-a-step', 'workflow'],
  ['add-a-saga', 'definition'],
  ['add-a-saga', 'workflow'],
] as const;

const excerpts = await Promise.all(
  walks.map(async ([walk, part]) => {
    const source = await readFile(join(root, `test/workflow/walks/${walk}.ts`), 'utf8');
    return [`${walk}: ${part}`, excerptOf(source, part)] as const;
  }),
);
const before = await readFile(file, 'utf8');
const after = await withParts(before, new Map([...sagaParts(), ...excerpts]));

if (!process.argv.includes('--check')) {
  await writeFile(file, after);
} else if (before !== after) {
  console.error('docs/sagas.md does not say what the sagas do any more; run: npm run docs:sagas');
  process.exitCode = 1;
}
