import { z } from 'zod';
import type { oas31, ZodOpenApiResponseObject } from 'zod-openapi';
import type { RequestError } from '../../domain/errors.ts';
import type { Contract } from '../endpoints/contract.ts';
import { retryAfterHeader, traceparentHeader } from '../endpoints/headers.ts';
import { problemKinds, problemTypeOf } from '../problems.ts';

/** What any route refuses for: who asks, what they may, and what the route needs. */
const ofAny: readonly RequestError[] = [
  'MALFORMED_REQUEST',
  'MISDIRECTED_REQUEST',
  'URL_TOO_LONG',
  'HEADERS_TOO_LARGE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'UNAVAILABLE',
];
const ofBodies: readonly RequestError[] = [
  'MALFORMED_JSON',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'REQUEST_TIMEOUT',
  'OVERLOADED',
];

/**
 * Every problem that a route may answer with, by status. A method that its path does not take is about no route, so it
 * is not among them.
 */
function problemsOf({
  params,
  query,
  headers,
  body,
  fromViews,
  refusals = [],
}: Contract): Map<number, RequestError[]> {
  const takesInput = [params, query, headers, body, fromViews].some((part) => part !== undefined);
  const codes = new Set<RequestError>([
    // A parameter with a control character in it names nothing.
    ...(params ? (['NOT_FOUND'] as const) : []),
    ...(takesInput ? (['VALIDATION_FAILED'] as const) : []),
    ...(body ? ofBodies : []),
    ...ofAny,
    ...refusals,
  ]);
  const byStatus = new Map<number, RequestError[]>();
  for (const code of codes) {
    const { status } = problemKinds[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

type ResponsesOf = (contract: Contract) => Record<string, ZodOpenApiResponseObject>;

/** Responses that several routes share are one object of one document, which makes them one component of it. */
export function createProblemResponses(): ResponsesOf {
  const known = new Map<string, ZodOpenApiResponseObject>();
  const responseFor = (codes: readonly RequestError[]): ZodOpenApiResponseObject => {
    const id = codes.map(inPascalCase).join('Or');
    const response = known.get(id) ?? toResponse(id, codes);
    known.set(id, response);
    return response;
  };
  const fault: ZodOpenApiResponseObject = {
    id: 'Fault',
    description: 'A fault of ours; the trace id tells us which',
    headers: z.object({ traceparent: traceparentHeader }),
    content: { 'application/problem+json': { schema: problemOfTypes(['about:blank']) } },
  };
  return (contract) => ({
    ...Object.fromEntries([...problemsOf(contract)].map(([status, codes]) => [status, responseFor(codes)])),
    500: fault,
  });
}

function toResponse(id: string, codes: readonly RequestError[]): ZodOpenApiResponseObject {
  const kinds = codes.map((code) => problemKinds[code]);
  const tellsWhen = codes.every(
    (code) => code === 'RATE_LIMITED' || problemKinds[code].retryAfterSeconds !== undefined,
  );
  return {
    id,
    description: kinds.map(({ title }) => title).join('; '),
    headers: z.object({
      traceparent: traceparentHeader,
      ...(tellsWhen ? { 'Retry-After': retryAfterHeader } : {}),
      ...(codes.includes('UNAUTHENTICATED') ? { 'WWW-Authenticate': z.string() } : {}),
    }),
    content: { 'application/problem+json': { schema: problemOfTypes(codes.map(problemTypeOf)) } },
  };
}

/** `NOT_FOUND` → `NotFound` */
const inPascalCase = (code: RequestError): string =>
  code
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('');

const problemOfTypes = (types: readonly string[]): oas31.SchemaObject => ({
  allOf: [{ $ref: '#/components/schemas/Problem' }],
  properties: { type: { enum: [...types] } },
});
