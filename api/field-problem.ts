import { z } from 'zod';
import { OrderSystemError, type RequestError } from '../domain/errors.ts';

export const fieldErrorSchema = z.object({
  field: z.string().describe('Path in the body, or name of the parameter or header: `lines[0].quantity`'),
  message: z.string().describe('What is wrong and how to mend it'),
});
export type FieldError = Readonly<z.output<typeof fieldErrorSchema>>;

/** A request that cannot be carried out because of fields that the caller can mend. */
export class FieldProblem extends OrderSystemError {
  readonly errors: readonly FieldError[];
  constructor(code: RequestError, errors: readonly FieldError[]) {
    super(code, errors.map(({ field, message }) => `${field}: ${message}`).join('; '));
    this.errors = errors;
  }
}
