import assert from 'node:assert/strict';
import type { Request } from 'express';
import { negotiate } from '../../../api/analytics/formats.ts';
import type { Column, Row } from '../../../api/analytics/columns.ts';

const columns: readonly Column[] = [
  { name: 'sku', type: 'text' },
  { name: 'change', type: 'decimal' },
];

/** The lines of a table, below its head. */
async function csvOf(...rows: Row[]): Promise<string[]> {
  const pages = (async function* () {
    yield await Promise.resolve(rows);
  })();
  // What is asked for by name does not look at the request.
  const format = negotiate({} as unknown as Request, ['csv'], 'csv');
  let text = '';
  for await (const part of format.write({ columns: [...columns], pages })) text += part.toString();
  return text.trimEnd().split('\r\n').slice(1);
}

describe('a cell of CSV', () => {
  it('that a spreadsheet would take for a formula is text for it', async () => {
    for (const begins of ['=', '+', '-', '@', '\t'])
      assert.deepEqual(await csvOf({ sku: `${begins}cmd|calc`, change: null }), [`'${begins}cmd|calc,`]);
  });

  it('that is a number below zero stays one', async () => {
    assert.deepEqual(await csvOf({ sku: 'A', change: -0.5 }, { sku: 'A-1', change: 2 }), ['A,-0.5', 'A-1,2']);
  });
});
