import { z } from 'zod';
import {
  auditSchema,
  commandApiSchema,
  deploymentSchema,
  migrateSchema,
  projectorSchema,
  queryApiSchema,
  sagasSchema,
  setBackSchema,
  workerSchema,
} from '../platform/config.ts';
import { stackSchema } from './dev-config.ts';

/** What each kind of process reads. */
export const settingSchemas = {
  'command API': commandApiSchema,
  'query API': queryApiSchema,
  worker: workerSchema,
  projector: projectorSchema,
  'migration and rebuild': migrateSchema,
  audit: auditSchema,
  'saga search': sagasSchema,
  'set-back': setBackSchema,
  deployment: deploymentSchema,
  '`npm start`': stackSchema,
} as const satisfies Record<string, z.ZodObject>;

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** The bounds of a number; undefined for what is none. @throws Error for a number that has none of its own. */
export function boundsOf(schema: unknown, name: string): Bounds | undefined {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return boundsOf(schema.unwrap(), name);
  if (!(schema instanceof z.ZodNumber)) return undefined;
  const { minValue: least, maxValue: most, format } = schema;
  if (least === null || most === null || !Number.isFinite(least) || !Number.isFinite(most))
    throw new Error(`${name} has no bounds`);
  if (format === 'safeint' && least === Number.MIN_SAFE_INTEGER)
    throw new Error(`${name} has no lower bound`);
  return { least, most };
}

/** Nothing that any setting takes. */
const IMPOSSIBLE = '\u0000,';

/** What a refused value is told, without the "must": one text for the message and for the page. */
function valuesOf(schema: z.ZodType): string {
  const refusal = schema.safeParse(IMPOSSIBLE).error?.issues[0]?.message ?? 'any text';
  return refusal.replace(/^(must be|must look|must|may) /, '').replaceAll('|', '\\|');
}

function defaultOf(schema: unknown): string {
  if (schema instanceof z.ZodPipe) return defaultOf(schema.def.in);
  if (!(schema instanceof z.ZodDefault)) return '';
  const value: unknown = schema.def.defaultValue;
  return value === '' ? 'empty' : `\`${String(value)}\``;
}

/** The table of docs/settings.md: a row for each variable, or for each of its defaults. */
export function settingTable(): string {
  const readers = new Map<string, string[]>();
  for (const [process, { shape }] of Object.entries(settingSchemas))
    for (const [name, schema] of Object.entries<z.ZodType>(shape)) {
      const row = `| \`${name}\` | ${valuesOf(schema)} | ${defaultOf(schema)} |`;
      readers.set(row, [...(readers.get(row) ?? []), process]);
    }
  const rows = [...readers].map(([row, processes]) => `${row} ${processes.join(', ')} |`);
  return ['| variable | takes | default | read by |', '| --- | --- | --- | --- |', ...rows.toSorted()].join(
    '\n',
  );
}
