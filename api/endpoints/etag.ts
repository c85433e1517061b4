import { hash } from 'node:crypto';

/**
 * By the body, so that it is the same from every process and another one after whatever changed it: the views, the
 * folds that made them, or the settings behind links.
 */
export const strongETag = (body: string | Buffer): string =>
  `"${hash('sha256', body, 'base64url').slice(0, 27)}"`;
