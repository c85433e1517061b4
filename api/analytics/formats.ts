import { stringify, type Options } from 'csv-stringify/sync';
import type { Request } from 'express';
import { z } from 'zod';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Table } from './columns.ts';
import { toParquet } from './parquet.ts';

export const CSV = 'text/csv';
export const PARQUET = 'application/vnd.apache.parquet';

/** How a table is written; each writes a page at a time. */
export interface Format {
  readonly mediaType: string;
  /** Whole, as it is sent. */
  readonly contentType: string;
  /** Of a file that is saved under a name of its own; JSON is shown. */
  readonly extension?: string;
  write(table: Table): AsyncIterable<string | Buffer>;
}

const formats = {
  json: { mediaType: 'application/json', contentType: 'application/json; charset=utf-8', write: toJson },
  csv: {
    mediaType: CSV,
    contentType: `${CSV}; charset=utf-8; header=present`,
    extension: 'csv',
    write: toCsv,
  },
  parquet: { mediaType: PARQUET, contentType: PARQUET, extension: 'parquet', write: toParquet },
} as const satisfies Record<string, Format>;

type FormatName = keyof typeof formats;
const names = Object.keys(formats) as [FormatName, ...FormatName[]];

/** For links, which cannot say what they accept. */
export const formatSchema = z
  .enum(names, { error: `must be one of ${names.join(', ')}` })
  .describe('Goes before `Accept`');

/**
 * What the caller wants of what there is: `asked` by name, else as `Accept` says.
 * @param offered the first is for whoever takes anything. @throws OrderSystemError NOT_ACCEPTABLE
 */
export function negotiate(request: Request, offered: readonly FormatName[], asked?: FormatName): Format {
  if (asked) return formats[asked];
  const types = offered.map((name) => formats[name].mediaType);
  const accepted = request.accepts(types);
  const name = offered.find((candidate) => formats[candidate].mediaType === accepted);
  if (name) return formats[name];
  throw new OrderSystemError('NOT_ACCEPTABLE', `this can be had as ${types.join(', ')}; send one as Accept`);
}

/** `{"items":[…]}`, as shorter answers are. */
async function* toJson({ pages }: Table): AsyncGenerator<string, void, undefined> {
  let separator = '{"items":[';
  for await (const page of pages) {
    yield separator + page.map((row) => JSON.stringify(row)).join(',');
    separator = ',';
  }
  yield separator === ',' ? ']}' : `${separator}]}`;
}

const csvOptions: Options = {
  record_delimiter: 'windows',
  escape_formulas: true,
  // Below zero they begin with what a formula may begin with.
  cast: { number: (value) => ({ value: String(value), escape_formulas: false }) },
};

/** RFC 4180, with the names of the columns first. A text that a spreadsheet would take for a formula gets a `'` before it. */
async function* toCsv({ columns, pages }: Table): AsyncGenerator<string, void, undefined> {
  const names = columns.map(({ name }) => name);
  yield stringify([names], csvOptions);
  for await (const page of pages) yield stringify([...page], { ...csvOptions, columns: names });
}
