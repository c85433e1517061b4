import type { Request, Response } from 'express';
import { strongETag } from '../endpoints/etag.ts';

/** A body as it is sent. */
export interface Encoded<Body> {
  readonly text: string;
  readonly bytes: number;
  readonly etag: string;
  /** Never there; tells what the text says. */
  readonly says?: Body;
}

function encode<Body>(body: Body): Encoded<Body> {
  const text = JSON.stringify(body);
  return { text, bytes: Buffer.byteLength(text), etag: strongETag(text) };
}

/** Encodes what is shown of a value, once for as long as the value is kept. */
export function encodedOnce<T extends object, Body>(show: (value: T) => Body): (value: T) => Encoded<Body> {
  const known = new WeakMap<T, Encoded<Body>>();
  return (value) => {
    const found = known.get(value);
    if (found) return found;
    const encoded = encode(show(value));
    known.set(value, encoded);
    return encoded;
  };
}

/** As `response.json` would. In one piece with the headers, which takes the system less than two. */
export function sendEncoded<Body>(
  request: Request,
  response: Response<Body>,
  { text, bytes, etag }: Encoded<Body>,
): void {
  response.setHeader('ETag', etag);
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', bytes);
  response.end(text);
}
