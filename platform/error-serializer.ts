import { pino } from 'pino';

/** Deep enough for what our libraries wrap, and safe with causes in a circle. */
const DEEPEST = 5;

/**
 * What an error says, never empty: an AggregateError, as Node throws for a host with several addresses, has no message
 * but members, and others have only a code.
 */
export function messageOf(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, code, name, errors } = error as {
    readonly message?: unknown;
    readonly code?: unknown;
    readonly name?: unknown;
    readonly errors?: unknown;
  };
  if (typeof message === 'string' && message !== '') return message;
  const members = Array.isArray(errors) && depth < DEEPEST ? errors : [];
  const said = members.map((member) => messageOf(member, depth + 1)).join('; ');
  if (said !== '') return said;
  if (typeof code === 'string' || typeof code === 'number') return String(code);
  return typeof name === 'string' && name !== '' ? name : 'an error without a message';
}

/** Pino's serializer, with a message for every error and every cause. */
export function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return pino.stdSerializers.err(error as Error);
  const serialized = pino.stdSerializers.err(error);
  const causes: string[] = [];
  for (let at: unknown = error; at !== undefined && causes.length < DEEPEST;) {
    causes.push(messageOf(at));
    at = at instanceof Error ? at.cause : undefined;
  }
  return { ...serialized, message: causes.join(': ') };
}
