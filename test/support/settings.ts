import type { z } from 'zod';
import { boundsOf, type Bounds } from '../../dev/setting-docs.ts';

/** Every number of a schema at its lowest or highest value, as an environment. */
export function extremesOf(schema: z.ZodObject, end: keyof Bounds): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const bounds = boundsOf(field, name);
    if (bounds) settings[name] = String(bounds[end]);
  }
  return settings;
}
