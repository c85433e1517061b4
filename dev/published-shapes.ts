import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { envelopeSchema } from '../domain/event-kinds.ts';
import { releasedVersions, versionName } from '../domain/events.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** By `Type.vN`, and `envelope` for what they all have. */
export type Shapes = Readonly<Record<string, JsonSchema>>;

const ENVELOPE = 'envelope';

/** In the dialect that AsyncAPI has by default. */
export function jsonSchemaOf(schema: z.ZodType, { described = true } = {}): JsonSchema {
  const { $schema: _dialect, ...jsonSchema } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema: part }) => {
      // Where a format is named, the pattern by which zod checks it says the same again.
      if (part.format !== undefined) delete part.pattern;
      if (!described) delete part.description;
    },
  });
  return jsonSchema;
}

/** What the schemas of this tree accept, without the words about it. */
export function presentShapes(): Shapes {
  const shapes: Record<string, JsonSchema> = {
    [ENVELOPE]: jsonSchemaOf(envelopeSchema, { described: false }),
  };
  for (const [type, versions] of releasedVersions)
    for (const [index, { data }] of versions.entries())
      shapes[versionName(type, index + 1)] = jsonSchemaOf(data, { described: false });
  return shapes;
}

/** @returns for each published shape that is another now, or gone, what to do about it */
export function brokenPromises(published: Shapes, present: Shapes): string[] {
  return Object.entries(published)
    .filter(([name, shape]) => !isDeepStrictEqual(shape, present[name]))
    .map(
      ([name]) => `the shape of ${name} is published and never changes: ${remedyFor(name)} (docs/events.md)`,
    );
}

function remedyFor(name: string): string {
  if (name === ENVELOPE) return 'a new field goes into the data of a type, as a new version';
  const [type = '', version] = name.split('.v');
  return `put it back, and write what is new as ${versionName(type, Number(version) + 1)} with an upcaster from ${name}`;
}
