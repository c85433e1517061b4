import type { IncomingMessage } from 'node:http';
import { InvalidToken } from './invalid-token.ts';

/** Above what identity providers make, below what Node lets through in all headers together (16 KB). */
const LONGEST = 8_192;

/**
 * The token of a request.
 * @returns undefined when it has no `Authorization` header. @throws InvalidToken
 */
export function bearerTokenOf({
  headersDistinct,
}: Pick<IncomingMessage, 'headersDistinct'>): string | undefined {
  const [header, ...more] = headersDistinct['authorization'] ?? [];
  if (header === undefined) return undefined;
  // Which of two counts must not depend on who reads them: a proxy before us may take the other one.
  if (more.length > 0) throw new InvalidToken('there are several Authorization headers; send one');
  const [, token] = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header) ?? [];
  if (token === undefined) throw new InvalidToken('the Authorization header must be: Bearer <token>');
  if (token.length > LONGEST)
    throw new InvalidToken(`the token has more than ${LONGEST} characters; ask for one with fewer claims`);
  return token;
}
