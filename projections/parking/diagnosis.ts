import { z } from 'zod';
import { parseEvent, releasedVersions, versionName } from '../../domain/events.ts';
import { jsonOf } from '../../messaging/event-message.ts';

/** One way in which a body is not what its schema says. */
export interface Difference {
  /** Path in the event: `data.lines[0].sku`; empty for the whole of it. */
  readonly field: string;
  readonly problem: 'missing' | 'extra' | 'type' | 'value';
  readonly message: string;
}

/** Why a body is no event that this release can read. */
export interface Diagnosis {
  /** Short, and the same for all that fail for the same reason. */
  readonly cause: string;
  readonly differences: readonly Difference[];
  /** What was thrown, for the log. */
  readonly error?: unknown;
}

/** What must be known before it is known which schema an event has. */
const nameSchema = z.looseObject({ type: z.string().min(1), schemaVersion: z.int().positive() });

/** @returns undefined for an event that can be read */
export function diagnose(body: Uint8Array | string): Diagnosis | undefined {
  const json = jsonIn(body);
  if ('problem' in json) return whole(`body: ${json.problem}`, `the body is ${json.problem}`);
  const named = nameSchema.safeParse(json.value, { reportInput: true });
  if (!named.success) return differing('event', named.error);
  const { type, schemaVersion } = named.data;
  const name = versionName(type, schemaVersion);
  const versions = releasedVersions.get(type);
  if (!versions) return whole(`unknown type ${type}`, 'this release does not know the type');
  const schema = versions[schemaVersion - 1]?.event;
  if (!schema)
    return whole(`${name}: newer than this release`, `this release reads ${type} up to v${versions.length}`);
  const checked = schema.safeParse(json.value, { reportInput: true });
  if (!checked.success) return differing(name, checked.error);
  try {
    parseEvent(json.value);
    return undefined;
  } catch (error) {
    // Its own schema takes it, so it is lost on the way to the present version.
    const { cause, differences } = whole(
      `${name}: cannot be upcast`,
      'it cannot be converted to the present version',
    );
    return { cause, differences, error };
  }
}

/** The JSON value of a body. */
export function jsonIn(
  body: Uint8Array | string,
): { value: unknown } | { problem: 'not UTF-8' | 'not JSON' } {
  try {
    return { value: jsonOf(body) };
  } catch (error) {
    return { problem: error instanceof SyntaxError ? 'not JSON' : 'not UTF-8' };
  }
}

const whole = (cause: string, message: string): Diagnosis => ({
  cause,
  differences: [{ field: '', problem: 'value', message }],
});

function differing(name: string, { issues }: z.ZodError): Diagnosis {
  const differences = issues.flatMap(toDifferences);
  // Every line of an order may have the same fault.
  const first = differences[0]?.field.replaceAll(/\[\d+\]/g, '[]') ?? '';
  return { cause: `${name}: ${first === '' ? 'not an object' : first}`, differences };
}

function toDifferences(issue: z.core.$ZodIssue): Difference[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      field: pathOf([...issue.path, key]),
      problem: 'extra',
      message: 'the schema does not have it',
    }));
  const field = pathOf(issue.path);
  if (issue.input === undefined) return [{ field, problem: 'missing', message: 'the schema asks for it' }];
  const problem = issue.code === 'invalid_type' ? 'type' : 'value';
  return [{ field, problem, message: issue.message }];
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
