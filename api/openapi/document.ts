import { z } from 'zod';
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverride,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { Answer, Contract } from '../endpoints/contract.ts';
import {
  cacheControlHeader,
  eTagHeader,
  preferenceAppliedHeader,
  preferForViewsParameter,
  projectionLagHeader,
  rateLimitHeaders,
  readTokenParameter,
  retryAfterHeader,
  traceparentHeader,
  traceparentParameter,
} from '../endpoints/headers.ts';
import { notYetSchema } from '../reading/not-yet.ts';
import { problemSchema } from '../problems.ts';
import { createProblemResponses } from './problem-responses.ts';

const description = `\
Orders that are accepted once they are kept, carried through reserve, charge, complete and ship, and shown by views \
that follow within a moment.

- Amounts are whole minor units (cents) with an ISO 4217 currency. A sum above 9007199254740991, which readers of JSON \
round, is a text of its digits.
- What cannot be carried out is answered with \`application/problem+json\`, whose \`type\` says what happened and \
whose \`errors\` name each field and how to mend it. A method that a path does not take gets \`405\` with \`Allow\`.
- \`x-roles\` names the roles of which a caller needs one. With \`x-own-orders\` a customer may do it with their own \
orders only: to them, others' do not exist.
- Reads and \`/operations/outbox\` aside, requests go to the command API; reads go to the query API. Where one address \
serves both, as \`npm start\` does, this page can try them all.
- \`/healthz\`, \`/readyz\` and \`/metrics\` are for whoever runs a process, on each process by itself, and are no part \
of this document.`;

const tags: readonly { readonly name: Contract['tag']; readonly description: string }[] = [
  { name: 'orders', description: 'Place, follow and cancel orders' },
  { name: 'catalogue', description: 'What can be ordered' },
  { name: 'analytics', description: 'Figures without personal data' },
  { name: 'operations', description: 'What only people can decide' },
];

/** Where a format is named, the pattern by which zod checks it says the same again, over several lines. */
const withoutPatternOfFormat: ZodOpenApiOverride = ({ jsonSchema }) => {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
};

/** The OpenAPI document of both APIs: the same whatever process serves it. */
export const createApiDocument = (contracts: readonly Contract[]): oas31.OpenAPIObject =>
  createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Durable Orders',
        version: '0.1.0',
        description,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'Wherever this document comes from' }],
      security: [{ bearer: [] }],
      tags: [...tags],
      paths: pathsOf(contracts),
      components: {
        schemas: { Problem: problemSchema },
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      },
    },
    { override: withoutPatternOfFormat },
  );

function pathsOf(contracts: readonly Contract[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  const problemResponses = createProblemResponses();
  for (const contract of contracts)
    paths[contract.path] = {
      ...paths[contract.path],
      [contract.method]: operationOf(contract, problemResponses(contract)),
    };
  return paths;
}

function operationOf(contract: Contract, problems: Responses): ZodOpenApiOperationObject {
  const { operationId, tag, summary, policy, ownOrders, params, query, headers, body } = contract;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(contract.description === undefined ? {} : { description: contract.description }),
    'x-roles': [...policy],
    ...(ownOrders ? { 'x-own-orders': true } : {}),
    requestParams: {
      ...(params ? { path: params } : {}),
      ...(query ? { query } : {}),
      header: z.object({
        traceparent: traceparentParameter,
        ...(contract.fromViews ? viewsParameters : {}),
        ...headers?.shape,
      }),
    },
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: { ...answersOf(contract), ...problems },
  };
}

type Responses = Record<string, ZodOpenApiResponseObject>;

const viewsParameters = { 'Read-Token': readTokenParameter, Prefer: preferForViewsParameter };
const JSON_TYPE = 'application/json';

function answersOf({ method, answers, fromViews }: Contract): Responses {
  const always = {
    traceparent: traceparentHeader,
    ...rateLimitHeaders,
    ...(method === 'get' ? { 'Cache-Control': cacheControlHeader } : {}),
    ...(fromViews
      ? { 'Projection-Lag': projectionLagHeader, 'Preference-Applied': preferenceAppliedHeader }
      : {}),
  };
  const responses: Responses = {};
  let isNamed = false;
  for (const [status, answer] of Object.entries(answers)) {
    const { description, body, contentType = JSON_TYPE, alsoAs = {}, headers } = answer;
    // What is sent piece by piece cannot be named before it is known.
    const eTag = method === 'get' && contentType === JSON_TYPE ? { ETag: eTagOf(answer) } : {};
    isNamed ||= 'ETag' in eTag;
    responses[status] = {
      description,
      headers: z.object({ ...always, ...eTag, ...headers }),
      content: { [contentType]: { schema: body }, ...filesOf(alsoAs) },
    };
  }
  if (fromViews)
    responses[202] = {
      description: 'The views do not hold yet what the `Read-Token` stands for: ask again',
      headers: z.object({ ...always, 'Retry-After': retryAfterHeader }),
      content: { [JSON_TYPE]: { schema: notYetSchema } },
    };
  if (isNamed)
    responses[304] = {
      description: 'Unchanged since the `ETag` that the request named in `If-None-Match`',
      headers: z.object({ ...always, ETag: eTagHeader }),
    };
  return responses;
}

const someETag = eTagHeader.optional().meta({ header: { id: 'ETagIfShort' } });
const eTagOf = ({ alsoAs }: Answer): z.ZodType => (alsoAs ? someETag : eTagHeader);

const filesOf = (alsoAs: Readonly<Record<string, string>>): ZodOpenApiResponseObject['content'] =>
  Object.fromEntries(
    Object.entries(alsoAs).map(([mediaType, description]) => [
      mediaType,
      { schema: { type: 'string', format: 'binary', description } },
    ]),
  );
