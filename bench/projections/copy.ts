import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { prepareSession } from '../../db/session.ts';
import type { OrderEvent } from '../../domain/events.ts';
import { readTables, type ReadTable } from './read-database.ts';

/** Rows of one table in the text format of `COPY`, ready to be sent. */
export interface Recorded {
  readonly table: ReadTable;
  readonly rows: number;
  readonly chunks: readonly Buffer[];
}

const CHUNK_BYTES = 1 << 16;

const listed = ({ name, columns }: ReadTable): string => `${name} (${columns.join(', ')})`;

/** Rows as they are in the live tables now. */
export async function recordReadTables(databaseUrl: string): Promise<Recorded[]> {
  return withClient(databaseUrl, async (client) => {
    const recorded: Recorded[] = [];
    for (const table of readTables) {
      const reading = client.query(copyTo(`copy read.${listed(table)} to stdout`));
      const text = Buffer.concat((await reading.toArray()) as Buffer[]);
      recorded.push({ table, rows: reading.rowCount, chunks: chunksOf(text) });
    }
    return recorded;
  });
}

const eventTable: ReadTable = { name: 'events', columns: ['sequence', 'body'] };

/** Events as rows with their JSON. */
export function recordEvents(events: readonly OrderEvent[]): Recorded {
  const lines = events.map((event, index) => `${index + 1}\t${escaped(JSON.stringify(event))}\n`);
  return { table: eventTable, rows: events.length, chunks: chunksOf(Buffer.from(lines.join(''))) };
}

/** JSON has no other character that means something to `COPY`. */
export const escaped = (json: string): string => json.replaceAll('\\', '\\\\');

/** Empty tables in a schema of their own: the same keys and indexes as the live ones, and one of events. */
export const prepareCopies = (databaseUrl: string): Promise<void> =>
  withClient(databaseUrl, async (client) => {
    await client.query('create schema copied');
    for (const { name } of readTables)
      await client.query(`create table copied.${name} (like read.${name} including all)`);
    await client.query('create table copied.events (sequence bigint primary key, body jsonb not null)');
  });

/** Copies all of them into empty tables, as one transaction. @returns seconds */
export const copyIn = (databaseUrl: string, recorded: readonly Recorded[]): Promise<number> =>
  withClient(databaseUrl, async (client) => {
    for (const { table } of recorded) await client.query(`truncate copied.${table.name}`);
    await client.query('checkpoint');
    const startedAt = performance.now();
    await client.query('begin');
    for (const { table, chunks } of recorded)
      await pipeline(
        Readable.from(chunks),
        client.query(copyFrom(`copy copied.${listed(table)} from stdin`)),
      );
    await client.query('commit');
    return (performance.now() - startedAt) / 1_000;
  });

function chunksOf(text: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < text.length; at += CHUNK_BYTES) chunks.push(text.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

async function withClient<T>(databaseUrl: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bench-copy' });
  await client.connect();
  try {
    await prepareSession(client);
    // Filling and copying take as long as they take.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    return await use(client);
  } finally {
    await client.end();
  }
}
