import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { contracts } from '../api/contracts.ts';
import { createApiDocument } from '../api/openapi/document.ts';
import { eventDocument, storedEvents, withNewShapes } from './event-docs.ts';
import { excerptsOf, withParts } from './page-parts.ts';
import { problemSections } from './problem-docs.ts';
import { sagaParts } from './saga-docs.ts';
import { settingTable } from './setting-docs.ts';

const root = join(import.meta.dirname, '..');

interface Page {
  readonly page: string;
  /** What in it comes from definitions. */
  readonly parts?: ReadonlyMap<string, string>;
  /** The folder whose marked files it quotes; a test runs these. */
  readonly walks?: string;
  /** Where readers put such a file; a test compiles it there. */
  readonly placeOf?: (file: string) => string;
}

const pages: readonly Page[] = [
  {
    page: 'docs/sagas.md',
    parts: sagaParts(),
    walks: 'test/workflow/walks',
    placeOf: (file) => `workflows/${file}`,
  },
  {
    page: 'docs/projections.md',
    walks: 'test/integration/projections/walks',
    placeOf: (file) => `${folderOfWalk(file)}/${file}`,
  },
  {
    page: 'docs/retrofit.md',
    walks: 'test/integration/outbox/retrofit',
    // Beside what an application takes along.
    placeOf: (file) => `shop/${file}`,
  },
  { page: 'docs/events.md', walks: 'test/integration/messaging/walks' },
  { page: 'docs/settings.md', parts: new Map([['settings', settingTable()]]) },
  { page: 'docs/problems.md', parts: new Map([['problems', problemSections()]]) },
];

function folderOfWalk(file: string): string {
  if (file.endsWith('.test.ts')) return 'test/unit/projections';
  return file.endsWith('-query.ts') ? 'projections/queries' : 'projections';
}

for (const { page, parts = new Map<string, string>(), walks, placeOf } of pages) {
  const all = new Map(parts);
  const files = walks === undefined ? [] : await readdir(join(root, walks));
  const places = new Map(placeOf ? files.map((file) => [`${walks ?? ''}/${file}`, placeOf(file)]) : []);
  for (const file of files) {
    const path = `${walks ?? ''}/${file}`;
    const source = await readFile(join(root, path), 'utf8');
    const excerpts = excerptsOf(source, placeOf && { path, places });
    for (const [name, excerpt] of excerpts) all.set(`${file.replace('.ts', '')}: ${name}`, excerpt);
  }
  const before = await readFile(join(root, page), 'utf8');
  await settle(page, before, await withParts(before, all));
}

const openApi = 'docs/openapi.json';
const document = await format(JSON.stringify(createApiDocument(contracts)), {
  parser: 'json',
  printWidth: 110,
});
await settle(openApi, await readFile(join(root, openApi), 'utf8'), document);

const shapes = 'test/replay/published-shapes.json';
const publishedShapes = await readFile(join(root, shapes), 'utf8');
const { after: allShapes, broken } = await withNewShapes(publishedShapes);
if (broken.length === 0) {
  await settle(shapes, publishedShapes, allShapes);
} else {
  console.error(broken.join('\n'));
  process.exitCode = 1;
}

const asyncApi = 'docs/asyncapi.yaml';
const stored = await storedEvents(join(root, 'test/replay/events'));
await settle(asyncApi, await readFile(join(root, asyncApi), 'utf8'), await eventDocument(stored));

/** Writes what has changed, or with `--check` says so. */
async function settle(file: string, before: string, after: string): Promise<void> {
  if (before === after) return;
  if (process.argv.includes('--check')) {
    console.error(`${file} does not say what the code does any more; run: npm run docs`);
    process.exitCode = 1;
  } else {
    await writeFile(join(root, file), after);
  }
}
