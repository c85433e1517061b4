import cors from 'cors';
import type { RequestHandler } from 'express';
import type { oas31 } from 'zod-openapi';
import type { Contract } from '../endpoints/contract.ts';
import { headerNames } from '../openapi/header-names.ts';

const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of these origins send requests, and answers their preflights, which carry no token. Tokens travel in a
 * header, not in cookies, so no credentials are allowed for. What such a page may send and read besides bodies is what
 * the contracts name. No origins: no such answer is given at all.
 */
export function allowOrigins(
  origins: readonly string[],
  contracts: readonly Contract[],
  document: oas31.OpenAPIObject,
): RequestHandler[] {
  if (origins.length === 0) return [];
  const { requests, answers } = headerNames(document);
  return [
    cors({
      origin: [...origins],
      methods: ['HEAD', ...new Set(contracts.map(({ method }) => method.toUpperCase()))],
      allowedHeaders: [...requests],
      exposedHeaders: [...answers],
      maxAge: PREFLIGHT_SECONDS,
    }),
  ];
}
