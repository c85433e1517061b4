import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { PAGE_ROWS } from '../../db/read-pages.ts';
import type { Column, Row } from './columns.ts';
import { Interrupted, whileWanted, type Exports } from './exports.ts';
import type { Format } from './formats.ts';

type Pages = AsyncGenerator<readonly Row[], void, undefined>;

interface TableAnswer {
  readonly format: Format;
  /** Of the file, without extension. */
  readonly name: string;
  readonly columns: readonly Column[];
  /** Reads the rows until aborted. @param stepMs how long one step of it may take; absent: as of any query. */
  readonly open: (signal: AbortSignal, stepMs: number | undefined) => Pages;
}

/**
 * Sends a table as fast as the caller reads it. JSON of less than a page is an ordinary answer. Anything else is an
 * export: it takes one of the places, and when it ends with an error the connection is broken, so that nobody takes
 * what was sent for the whole.
 */
export async function sendTable(
  request: Request,
  response: Response,
  exports: Exports,
  { format, name, columns, open }: TableAnswer,
): Promise<void> {
  const isFile = format.extension !== undefined;
  if (isFile && request.method === 'HEAD') {
    announce(response, format, name).end();
    return;
  }
  let leave = isFile ? exports.enter() : undefined;
  try {
    await whileWanted(response, exports, async (signal) => {
      const pages = open(signal, isFile ? exports.timeoutMs : undefined);
      try {
        // Read before anything is sent, so that what is refused is refused properly.
        const beginning = await pages.next();
        const first = beginning.done ? [] : beginning.value;
        if (!isFile && first.length < PAGE_ROWS) {
          response.json({ items: first });
          return;
        }
        leave ??= exports.enter();
        announce(response, format, name);
        const parts = format.write({ columns, pages: resumed(first, pages) });
        await pipeline(Readable.from(watched(parts, signal)), response, { signal });
      } finally {
        await pages.return();
      }
    });
  } finally {
    leave?.();
  }
}

function announce(response: Response, { contentType, extension }: Format, name: string): Response {
  response.status(200).setHeader('Content-Type', contentType);
  if (extension !== undefined)
    response.setHeader('Content-Disposition', `attachment; filename="${name}.${extension}"`);
  return response;
}

async function* resumed(first: readonly Row[], rest: Pages): Pages {
  yield first;
  yield* rest;
}

/** Tells an answer that ends early from a caller who leaves: both end with a broken connection. */
async function* watched(
  parts: AsyncIterable<string | Buffer>,
  signal: AbortSignal,
): AsyncGenerator<string | Buffer, void, undefined> {
  try {
    yield* parts;
  } catch (cause) {
    throw signal.aborted ? cause : new Interrupted('the answer ended before it was complete', { cause });
  }
}
