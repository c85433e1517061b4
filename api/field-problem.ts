import { OrderSystemError, type RequestError } from '../domain/errors.ts';

export interface FieldError {
  /** Path in the body or name of the parameter: `lines[0].quantity`. */
  readonly field: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

/** A request that cannot be carried out because of fields that the caller can mend. */
export class FieldProblem extends OrderSystemError {
  readonly errors: readonly FieldError[];
  constructor(code: RequestError, errors: readonly FieldError[]) {
    super(code, errors.map(({ field, message }) => `${field}: ${message}`).join('; '));
    this.errors = errors;
  }
}
