import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { stringify } from 'yaml';
import { createEventDocument } from './asyncapi.ts';
import { brokenPromises, presentShapes, type Shapes } from './published-shapes.ts';

/** Events as they were written, a file for each `Type.vN`. */
export async function storedEvents(folder: string): Promise<Record<string, unknown>> {
  const events: Record<string, unknown> = {};
  for (const file of (await readdir(folder)).toSorted())
    events[file.replace(/\.json$/, '')] = JSON.parse(await readFile(join(folder, file), 'utf8'));
  return events;
}

/** docs/asyncapi.yaml, in which the stored events are the examples. Many read it as YAML 1.1, to which times are no text. */
export const eventDocument = (stored: Record<string, unknown>): Promise<string> =>
  format(
    stringify(createEventDocument(stored), {
      aliasDuplicateObjects: false,
      lineWidth: 0,
      compat: 'yaml-1.1',
    }),
    {
      parser: 'yaml',
      printWidth: 110,
      singleQuote: true,
    },
  );

/** test/replay/published-shapes.json with the shapes that are new. @returns also which of the published ones are broken */
export async function withNewShapes(before: string): Promise<{ after: string; broken: string[] }> {
  const present = presentShapes();
  return {
    after: await format(JSON.stringify(present), { parser: 'json', printWidth: 110 }),
    broken: brokenPromises(JSON.parse(before) as Shapes, present),
  };
}
