import { z } from 'zod';
import { customerIdSchema } from '../../domain/ids.ts';
import { visibleOnly } from '../../domain/text.ts';
import { NoGuess } from './invalid-token.ts';
import { roles, type Principal, type Role } from './principal.ts';

/** Written into the audit and into events, and shown to others as who decided. */
export const subjectSchema = z
  .string('must be a text')
  .min(1, 'must not be empty')
  .max(100, 'must have at most 100 characters')
  .superRefine(visibleOnly);

const isRole = (value: unknown): value is Role => (roles as readonly unknown[]).includes(value);

/** What of a token's claims is looked at; whatever else an identity provider puts in is passed over. */
const claimsSchema = z.object({
  sub: subjectSchema,
  /** Those of other applications are passed over, too. */
  roles: z
    .array(z.unknown(), 'must be a list')
    .nullish()
    .transform((given) => [...new Set((given ?? []).filter(isRole))]),
  customer_id: customerIdSchema.nullish(),
});

/** Who a token with a good signature speaks for. @throws NoGuess naming the claims that cannot be used */
export function principalOf(claims: object): Principal {
  const parsed = claimsSchema.safeParse(claims, {
    error: ({ input }) => (input === undefined ? 'is missing' : undefined),
  });
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`);
    throw new NoGuess(`the token has claims that cannot be used: ${faults.join('; ')}`);
  }
  const { sub: subject, roles: granted, customer_id: customerId } = parsed.data;
  return { subject, roles: granted, ...(customerId == null ? {} : { customerId }) };
}
