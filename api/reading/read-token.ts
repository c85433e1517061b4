import { z } from 'zod';
import { orderIdSchema } from '../../domain/ids.ts';
import { FieldProblem } from '../field-problem.ts';
import { cursorSchema, encode } from '../queries/query-schemas.ts';

/** The state of an order that a reader wants to see at least. */
export interface ReadPoint {
  readonly orderId: string;
  /** Of the order's last event. */
  readonly version: number;
}

export const READ_TOKEN = 'Read-Token';
const MAX_TOKENS = 20;

/** Opaque to callers: what a command had done, and its answer told, when it was answered. */
export const readTokenOf = ({ orderId, version }: ReadPoint): string => encode(orderId, String(version));

const tokenSchema = cursorSchema(
  z
    .tuple([orderIdSchema, z.string().regex(/^[1-9]\d{0,8}$/)])
    .transform(([orderId, version]): ReadPoint => ({ orderId, version: Number(version) })),
);

/**
 * Reads a header of one token or several with commas between.
 * @throws FieldProblem VALIDATION_FAILED when one of them is none that `readTokenOf` made
 */
export function readPointsOf(header: string): ReadPoint[] {
  const tokens = header.split(',').map((token) => token.trim());
  if (tokens.length > MAX_TOKENS)
    throw tokenProblem(`may hold at most ${MAX_TOKENS} tokens; those of the latest commands are enough`);
  return tokens.map((token) => {
    const parsed = tokenSchema.safeParse(token);
    if (parsed.success) return parsed.data;
    throw tokenProblem(
      'is no token of this API; send it as a command answered it, several with commas between, or leave it out',
    );
  });
}

const tokenProblem = (message: string): FieldProblem =>
  new FieldProblem('VALIDATION_FAILED', [{ field: READ_TOKEN, message }]);
