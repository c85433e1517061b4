import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Column, Row, Table } from './columns.ts';

/** Rows that are in memory before they are written; readers skip groups of this size by their statistics. */
const GROUP_ROWS = 10_000;

type Element = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number];

const elements: Readonly<Record<Column['type'], Partial<Element>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  day: { type: 'INT32', converted_type: 'DATE' },
  // Both: readers that know logical types (polars, DuckDB, Arrow) take UTC from it, older ones from the converted type.
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  whole: { type: 'INT64' },
  decimal: { type: 'DOUBLE' },
};

/** The file in parts. What grows with it is the directory at its end, some 100 bytes for a column of a row group. */
export async function* toParquet({ columns, pages }: Table): AsyncGenerator<Buffer, void, undefined> {
  const output = new Output();
  const schema: Element[] = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ name, type }): Element => ({
      name,
      ...elements[type],
      repetition_type: 'OPTIONAL',
    })),
  ];
  const writer = new ParquetWriter({ writer: output, schema, createdBy: 'durable-orders' });
  let rows: Row[] = [];
  const writeGroup = async (): Promise<Buffer> => {
    const columnData = columns.map(({ name, type }) => ({
      name,
      data: rows.map((row) => valueOf(type, row[name] ?? null)),
      // An index of a column's pages would be kept until the end.
      offsetIndex: false,
    }));
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
    rows = [];
    return output.take();
  };
  // The file's first bytes: the caller sees that it has begun, long before there is a group.
  yield output.take();
  for await (const page of pages) {
    rows.push(...page);
    if (rows.length >= GROUP_ROWS) yield await writeGroup();
  }
  if (rows.length > 0) yield await writeGroup();
  await writer.finish();
  yield output.take();
}

function valueOf(type: Column['type'], value: string | number | null): unknown {
  if (value === null) return null;
  if (type === 'whole') return int64(BigInt(value));
  return type === 'day' || type === 'time' ? new Date(value) : value;
}

/** @throws RangeError where the writer would cut a number off */
function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new RangeError(`${value} does not fit into a column of 64 bits`);
}

/** Gives away what was written so far. */
class Output extends ByteWriter {
  take(): Buffer {
    const written = Buffer.from(this.getBytes());
    this.index = 0;
    return written;
  }
}
