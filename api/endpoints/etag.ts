import { createHash } from 'node:crypto';

/**
 * By the body, so that it is the same from every process and another one after whatever changed it: the views, the
 * folds that made them, or the settings behind links.
 */
export const strongETag = (body: string | Buffer): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
