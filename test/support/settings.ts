import { z } from 'zod';
import { stackSchema } from '../../dev/dev-config.ts';
import {
  auditSchema,
  commandApiSchema,
  migrateSchema,
  projectorSchema,
  queryApiSchema,
  sagasSchema,
  setBackSchema,
  workerSchema,
} from '../../platform/config.ts';

/** What each kind of process reads. */
export const schemas = {
  'command API': commandApiSchema,
  'query API': queryApiSchema,
  worker: workerSchema,
  projector: projectorSchema,
  'migration and rebuild': migrateSchema,
  audit: auditSchema,
  'saga search': sagasSchema,
  'set-back': setBackSchema,
  'npm start': stackSchema,
} as const satisfies Record<string, z.ZodObject>;

interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** The bounds of a number; undefined for what is none. @throws Error for a number that has none of its own. */
export function boundsOf(schema: unknown, name: string): Bounds | undefined {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return boundsOf(schema.unwrap(), name);
  if (!(schema instanceof z.ZodNumber)) return undefined;
  const { minValue: least, maxValue: most } = schema;
  const isBounded = Number.isFinite(least) && Number.isFinite(most) && least !== null && most !== null;
  const isInteger = schema.format === 'safeint';
  if (!isBounded || (isInteger && least === Number.MIN_SAFE_INTEGER))
    throw new Error(`${name} has no bounds`);
  return { least, most };
}

/** Every number of a schema at its lowest or highest value, as an environment. */
export function extremesOf(schema: z.ZodObject, end: keyof Bounds): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const bounds = boundsOf(field, name);
    if (bounds) settings[name] = String(bounds[end]);
  }
  return settings;
}
