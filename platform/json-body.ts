import { isUtf8 } from 'node:buffer';
import { json, type RequestHandler } from 'express';

/** A body that cannot be used, through the caller's fault. */
export class UnusableBody extends Error {
  override readonly name = 'UnusableBody';
  readonly status: 400 | 413 | 415;
  constructor(status: 400 | 413 | 415, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Deeper than any body of ours. Deeper ones exhaust the stack of JSON.stringify and of PostgreSQL's jsonb. */
const MAX_DEPTH = 32;
const NOT_UTF8 = 'body.not.utf8';
const TOO_DEEP = 'body.too.deep';

/**
 * Reads a JSON body in UTF-8, plain or compressed with gzip, deflate or br; a body of another type is left undefined.
 * Every error of its parser is passed on as an `UnusableBody`.
 * @param limit of the body as it is after decompression, such as `64kb`
 */
export function jsonBody(limit: string): RequestHandler {
  const parse: RequestHandler = json({ limit, verify: refuseOddBytes });
  return (request, response, next) => {
    const settle = (error?: unknown): void => {
      next(error === undefined ? undefined : unusable(error, limit));
    };
    const charset = charsetOf(request.headers['content-type']);
    if (charset !== undefined && charset !== 'utf-8') {
      settle({ type: 'charset.unsupported', message: `unsupported charset "${charset}"` });
      return;
    }
    try {
      parse(request, response, settle);
    } catch (error) {
      // The parser throws for a Content-Type that is not written as RFC 9110 has it.
      settle(error);
    }
  };
}

/** In lower case; undefined when none is named. */
function charsetOf(contentType: string | undefined): string | undefined {
  const [, quoted, plain] = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))/i.exec(contentType ?? '') ?? [];
  return (quoted ?? plain)?.toLowerCase();
}

function refuseOddBytes(_request: unknown, _response: unknown, body: Buffer): void {
  // A decoder would put U+FFFD in the place of bytes that it cannot read, and change what was sent.
  if (!isUtf8(body)) throw Object.assign(new Error('not UTF-8'), { type: NOT_UTF8 });
  if (depthOf(body) > MAX_DEPTH) throw Object.assign(new Error('nested too deeply'), { type: TOO_DEEP });
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING: readonly number[] = [0x5b, 0x7b];
const CLOSING: readonly number[] = [0x5d, 0x7d];

/** How deeply arrays and objects are nested, whether it is good JSON or not. */
function depthOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let index = 0; index < body.length; index++) {
    const byte = body[index] ?? 0;
    if (isText) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (OPENING.includes(byte)) deepest = Math.max(deepest, ++depth);
    else if (CLOSING.includes(byte)) depth -= 1;
  }
  return deepest;
}

/** The parser tells its own errors apart by `type`; those of decompression have none, but a code of zlib. */
function unusable(cause: unknown, limit: string): UnusableBody {
  const { type, message } = cause as { readonly type?: unknown; readonly message?: unknown };
  switch (type) {
    case 'entity.too.large':
      return new UnusableBody(413, `the body may have at most ${limit.toUpperCase()}; send less`);
    case 'encoding.unsupported':
      return new UnusableBody(415, `${String(message)}; send the body plain or compressed with gzip`);
    case 'charset.unsupported':
      return new UnusableBody(415, `${String(message)}; send UTF-8`);
    case 'entity.parse.failed':
      return new UnusableBody(400, `the body could not be parsed: ${String(message)}`, { cause });
    case NOT_UTF8:
      return new UnusableBody(400, 'the body holds bytes that are not UTF-8; encode it as UTF-8');
    case TOO_DEEP:
      return new UnusableBody(400, `the body is nested more than ${MAX_DEPTH} levels deep; send less`);
    case 'request.aborted':
    case 'request.size.invalid':
      return new UnusableBody(400, 'the body ended too early; send it again');
    default:
      return isZlibError(cause)
        ? new UnusableBody(
            400,
            'the body is not compressed as its Content-Encoding says, or not complete; leave the header out for a plain body',
            { cause },
          )
        : new UnusableBody(400, 'the body could not be read; send JSON with Content-Type: application/json', {
            cause,
          });
  }
}

/** Z_DATA_ERROR, Z_BUF_ERROR, and for br ERR__ERROR_FORMAT_… and its relatives. */
const isZlibError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(Z_|ERR_|BR)/.test(String(error.code));
