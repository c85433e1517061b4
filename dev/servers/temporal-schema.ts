import pg from 'pg';
import { reasonOf, StartError, type Waiting } from './progress.ts';
import { runCommand } from './run-command.ts';

/** A PostgreSQL server as Temporal reaches it. */
export interface DatabaseAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The database that the URL names. */
  readonly database: string;
}

/** Notes on the databases that are ours (`comment on database`). */
const MAKING = 'durable-orders: being made';
const READY = 'durable-orders: tables of Temporal';

/** Takes apart what node-postgres understands. @throws StartError for what Temporal cannot use. */
export function accessTo(databaseUrl: string): DatabaseAccess {
  const client = new pg.Client({ connectionString: databaseUrl });
  const { host, port, user = '', password = '', database = user, ssl } = client;
  if (ssl || host.startsWith('/'))
    throw new StartError(
      'Temporal on PostgreSQL is started here for servers reached over TCP without TLS; ' +
        'for another, run Temporal yourself and set TEMPORAL_ADDRESS',
    );
  return { host, port, user, password, database };
}

interface Place {
  readonly databaseUrl: string;
  readonly sqlTool: string;
}

/**
 * Makes the database with Temporal's tables when it is not there, and brings its tables up to date otherwise.
 * One whose making was cut short is made anew, because the tool cannot go on in the middle.
 * @throws StartError when a database of this name holds tables of someone else.
 */
export async function prepareDatabase(
  { databaseUrl, sqlTool }: Place,
  name: string,
  schema: 'temporal' | 'visibility',
  waiting: Waiting,
): Promise<void> {
  const { host, port, user, password } = accessTo(databaseUrl);
  const tool = (...args: string[]): Promise<string> =>
    runCommand(sqlTool, args, {
      ...waiting,
      env: {
        SQL_HOST: host,
        SQL_PORT: String(port),
        SQL_USER: encodeURIComponent(user),
        SQL_PASSWORD: password, // not among the arguments, which every user of the machine can list
        SQL_DATABASE: name,
        SQL_PLUGIN: 'postgres12_pgx',
      },
    });
  try {
    const isNew = await withClient(databaseUrl, (client) => claim(client, databaseUrl, name));
    if (isNew) {
      waiting.progress(`Temporal: making its tables in the database ${name}`);
      await tool('setup-schema', '--version', '0.0');
    }
    await tool('update-schema', '--schema-name', `postgresql/v12/${schema}`);
    if (isNew) await withClient(databaseUrl, (client) => note(client, name, READY));
  } catch (error) {
    waiting.signal?.throwIfAborted();
    if (error instanceof StartError) throw error;
    throw new StartError(`Temporal: the database ${name} cannot be made ready: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** @returns whether it has to be filled: it was made now, or was there without anything in it. */
async function claim(client: pg.Client, databaseUrl: string, name: string): Promise<boolean> {
  const sql = `select shobj_description(oid, 'pg_database') as note from pg_database where datname = $1`;
  const { rows } = await client.query<{ note: string | null }>(sql, [name]);
  const [found] = rows;
  if (found?.note === READY) return false;
  const id = pg.escapeIdentifier(name);
  if (found?.note === MAKING) await client.query(`drop database ${id} with (force)`);
  else if (found && !(await isEmpty(databaseUrl, name)))
    throw new StartError(
      `the database ${name} is there already and was not made for this stack; ` +
        'rename it, or use another PostgreSQL server',
    );
  if (!found || found.note === MAKING) await client.query(`create database ${id}`);
  await note(client, name, MAKING);
  return true;
}

async function note(client: pg.Client, name: string, text: string): Promise<void> {
  await client.query(`comment on database ${pg.escapeIdentifier(name)} is ${pg.escapeLiteral(text)}`);
}

async function isEmpty(databaseUrl: string, name: string): Promise<boolean> {
  const there = new URL(databaseUrl);
  there.pathname = name;
  const sql = `select from pg_tables where schemaname not in ('pg_catalog', 'information_schema') limit 1`;
  const { rowCount } = await withClient(there.href, (client) => client.query(sql));
  return rowCount === 0;
}

async function withClient<T>(databaseUrl: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  // A connection that breaks also rejects the query that waits on it, which is where it is handled.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end();
  }
}
