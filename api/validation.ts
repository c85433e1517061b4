import type { z } from 'zod';
import { OrderSystemError } from '../domain/errors.ts';
import { FieldProblem, type FieldError } from './field-problem.ts';

/** @throws FieldProblem VALIDATION_FAILED naming each field and how to mend it. */
export function validate<T extends z.ZodType>(schema: T, input: unknown): z.infer<T> {
  const parsed = schema.safeParse(input, {
    error: (issue) => (issue.input === undefined ? 'is required' : undefined),
  });
  if (parsed.success) return parsed.data;
  throw new FieldProblem('VALIDATION_FAILED', parsed.error.issues.flatMap(toFieldErrors));
}

/** A JSON body, which Express leaves undefined when the content type is another. */
export function validateBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  if (body === undefined) {
    throw new OrderSystemError(
      'UNSUPPORTED_MEDIA_TYPE',
      'send a JSON body with the header Content-Type: application/json',
    );
  }
  return validate(schema, body);
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: pathOf([...issue.path, key]),
      message: 'is not a known field; remove it',
    }));
  }
  return [{ field: pathOf(issue.path), message: issue.message }];
}

/** `['lines', 0, 'sku']` → `lines[0].sku`; the whole body is `body`. */
function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'body';
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}
