import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { oas31 } from 'zod-openapi';
import { contracts } from '../../api/contracts.ts';
import { createApiDocument } from '../../api/openapi/document.ts';

/** What one operation of the OpenAPI document says that tests ask for. */
export interface Operation {
  readonly method: string;
  /** `/orders/{id}` */
  readonly path: string;
  readonly operationId: string;
  readonly roles: readonly string[];
  readonly ownOrders: boolean;
  readonly responses: Readonly<Record<string, oas31.ResponseObject | oas31.ReferenceObject>>;
}

export function operationsOf(document: oas31.OpenAPIObject): Operation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, oas31.OperationObject>).map(([method, operation]) => ({
      method,
      path,
      operationId: operation.operationId ?? '',
      roles: (operation['x-roles' as keyof typeof operation] ?? []) as string[],
      ownOrders: operation['x-own-orders' as keyof typeof operation] === true,
      responses: operation.responses ?? {},
    })),
  );
}

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const document = createApiDocument(contracts);
const operations = operationsOf(document);
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, 'api');

/** The operation that a request is for; undefined where the document has none. */
export function operationFor(method: string, pathname: string): Operation | undefined {
  const wanted = method.toLowerCase() === 'head' ? 'get' : method.toLowerCase();
  // A path without parameters goes before one that has them: `/operations/sagas/resolve`.
  const matching = operations.filter((one) => one.method === wanted && patternOf(one.path).test(pathname));
  return matching.sort((one, other) => one.path.split('{').length - other.path.split('{').length)[0];
}

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);

/** What is wrong with an answer, by the document; nothing when it is as the document says. */
export function driftOf(operation: Operation, method: string, answer: WireAnswer): string[] {
  const { status, headers, text } = answer;
  const given = operation.responses[status];
  if (given === undefined) return [`${status} is not in the document`];
  const [response, pointer] = resolved(given, operation, status);
  const missing = Object.entries(response.headers ?? {})
    .filter(([name, header]) => isRequired(header) && !headers.has(name))
    .map(([name]) => name);
  const faults = missing.map((name) => `the header ${name} is missing`);
  const isWithoutBody = method.toUpperCase() === 'HEAD' || status === 304;
  if (isWithoutBody) return faults;
  const mediaType = (headers.get('content-type') ?? '').split(';')[0] ?? '';
  if (response.content?.[mediaType] === undefined) return [...faults, `${mediaType} is not in the document`];
  // Files are looked into by the tests that ask for them.
  if (!mediaType.endsWith('json')) return faults;
  const validate = validatorAt(`${pointer}/content/${escaped(mediaType)}/schema`);
  if (validate(mediaType.endsWith('json') ? JSON.parse(text) : text)) return faults;
  return [
    ...faults,
    ...(validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`),
  ];
}

function isRequired(header: oas31.HeaderObject | oas31.ReferenceObject): boolean {
  if (!('$ref' in header)) return header.required === true;
  const name = header.$ref.slice('#/components/headers/'.length);
  return (document.components?.headers?.[name] as oas31.HeaderObject).required === true;
}

const REFERENCE = '#/components/responses/';

/** @returns the response, and where in the document it is. */
function resolved(
  given: oas31.ResponseObject | oas31.ReferenceObject,
  { path, method }: Operation,
  status: number,
): [oas31.ResponseObject, string] {
  if (!('$ref' in given)) return [given, `/paths/${escaped(path)}/${method}/responses/${status}`];
  const name = given.$ref.slice(REFERENCE.length);
  return [document.components?.responses?.[name] as oas31.ResponseObject, `/components/responses/${name}`];
}

const escaped = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

const validators = new Map<string, ValidateFunction>();

function validatorAt(pointer: string): ValidateFunction {
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: `api#${pointer}` });
  validators.set(pointer, validate);
  return validate;
}
