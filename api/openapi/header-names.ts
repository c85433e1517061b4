import type { oas31 } from 'zod-openapi';

interface HeaderNames {
  /** That some route reads. */
  readonly requests: readonly string[];
  /** That some answer has. */
  readonly answers: readonly string[];
}

/** All headers that the document names, and those that HTTP itself gives a meaning to. */
export function headerNames({ paths = {}, components = {} }: oas31.OpenAPIObject): HeaderNames {
  const operations = Object.values(paths).flatMap(({ get, post }) =>
    [get, post].filter((one) => one !== undefined),
  );
  const named = operations
    .flatMap(({ parameters = [] }) => parameters)
    .map((each) => resolved(each, components));
  const responses = operations
    .flatMap(
      ({ responses: byStatus = {} }) =>
        Object.values(byStatus) as (oas31.ResponseObject | oas31.ReferenceObject)[],
    )
    .map((each) => resolved(each, components));
  return {
    requests: inOrder([
      ...['Authorization', 'Content-Type', 'If-None-Match'],
      ...named.filter((parameter) => parameter.in === 'header').map(({ name }) => name),
    ]),
    answers: inOrder(['Allow', ...responses.flatMap(({ headers = {} }) => Object.keys(headers))]),
  };
}

const inOrder = (names: readonly string[]): string[] => [...new Set(names)].sort();

/** `#/components/<kind>/<name>` */
function resolved<T extends object>(given: T | oas31.ReferenceObject, components: oas31.ComponentsObject): T {
  if (!('$ref' in given)) return given;
  const [, , kind = '', name = ''] = given.$ref.split('/');
  const found = (components as Record<string, Record<string, unknown> | undefined>)[kind]?.[name];
  if (found === undefined) throw new Error(`the document has no ${given.$ref}`);
  return found as T;
}
