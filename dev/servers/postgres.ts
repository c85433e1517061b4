import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { childEnvironment } from '../../platform/config.ts';
import { makeOpenFolder } from './cache.ts';
import { postgresBinaries } from './postgres-binaries.ts';
import { reasonOf, StartError } from './progress.ts';
import { closedFolder, postgresUser, type ServerUser } from './server-user.ts';
import { startServer, type RunningServer, type ServerOptions } from './start-server.ts';

export interface PostgresOptions extends ServerOptions {
  /** Made when it is not there. Default: `postgres`, the maintenance database. */
  readonly database?: string;
  /** `none` turns fsync off, for tests that never crash the machine's power; a killed server loses nothing. */
  readonly durability?: 'full' | 'none';
}

export interface PostgresServer extends RunningServer {
  /** `postgres://…` of the database that was asked for, as superuser. */
  readonly url: string;
}

const OWNER = 'postgres';
const READY_WITHIN_MS = 60_000;
const MEMORY_RELEASE_MS = 15_000;
/** Nothing of the machine's locale: the same order of text, and the same messages, everywhere. */
const LOCALE = { LC_ALL: 'C', LC_MESSAGES: 'C' };

/** PostgreSQL on the loopback interface, without Unix socket. @throws StartError with the end of its log. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = await postgresBinaries(options.progress);
  const user = await postgresUser(options.progress);
  await makeDataFolder(options.dir, user);
  const data = join(options.dir, 'data');
  if (!(await isFile(join(data, 'PG_VERSION')))) await initialise(binaries, options, data, user);

  const server = await startAfterRelease(options, () =>
    startServer(options, {
      name: 'PostgreSQL',
      command: join(binaries, 'bin', 'postgres'),
      args: ['-D', data, ...settings(options)],
      cwd: data,
      env: LOCALE,
      user,
      stopSignal: 'SIGINT', // "fast": ends sessions, writes a checkpoint, and goes
      readyWithinMs: READY_WITHIN_MS,
      probe: () => query(options.port, OWNER, 'select 1').then(() => undefined),
    }),
  );
  try {
    if (options.database !== undefined) await createDatabase(options.port, options.database);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, url: urlOf(options.port, options.database ?? OWNER) };
}

function settings({ port, durability = 'full' }: PostgresOptions): string[] {
  const on = durability === 'full' ? 'on' : 'off';
  return [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `port=${port}`,
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    `fsync=${on}`,
    `synchronous_commit=${on}`,
    `full_page_writes=${on}`,
  ].flatMap((setting) => ['-c', setting]);
}

/**
 * After a SIGKILL the sessions of the old server hold its shared memory until they notice, and a new server refuses
 * to start; they notice within a moment.
 */
async function startAfterRelease<T>(options: PostgresOptions, start: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + MEMORY_RELEASE_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!reasonOf(error).includes('pre-existing shared memory block') || Date.now() > deadline) throw error;
      options.progress('PostgreSQL: waiting for the sessions of a killed server to end');
      await pause(500);
    }
  }
}

async function makeDataFolder(dir: string, user: ServerUser | undefined): Promise<void> {
  if (user) {
    const closed = await closedFolder(join(dir, '..'), user);
    if (closed !== undefined)
      throw new StartError(
        `PostgreSQL runs as the user "postgres" here, which may not enter ${closed}; set DATA_DIR and ` +
          'DURABLE_ORDERS_CACHE to folders that every user may enter',
      );
    await makeOpenFolder(join(dir, '..'));
  }
  await mkdir(dir, { recursive: true });
  if (user) await chown(dir, user.uid, user.gid);
  await chmod(dir, 0o700);
}

/** A cluster made aside and moved into place whole, so that one cut short is not taken for a database. */
async function initialise(
  binaries: string,
  { dir, durability, progress, signal }: PostgresOptions,
  data: string,
  user: ServerUser | undefined,
): Promise<void> {
  progress('PostgreSQL: making an empty database');
  const making = join(dir, 'making');
  const passwordFile = join(dir, 'password');
  await rm(making, { recursive: true, force: true });
  await rm(data, { recursive: true, force: true });
  await writeFile(passwordFile, OWNER, { mode: 0o600 });
  if (user) await chown(passwordFile, user.uid, user.gid);
  const args = [
    ...['-D', making, '--username', OWNER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
    ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    ...(durability === 'none' ? ['--no-sync'] : []),
  ];
  try {
    const env = childEnvironment(LOCALE);
    await promisify(execFile)(join(binaries, 'bin', 'initdb'), args, { cwd: dir, env, signal, ...user });
    await rename(making, data);
  } catch (error) {
    signal?.throwIfAborted();
    throw new StartError(`PostgreSQL: the database could not be made: ${reasonOf(error)}`, { cause: error });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function createDatabase(port: number, name: string): Promise<void> {
  const found = await query(port, OWNER, 'select 1 from pg_database where datname = $1', [name]);
  if (found.rowCount === 0) await query(port, OWNER, `create database ${pg.escapeIdentifier(name)}`);
}

async function query(
  port: number,
  database: string,
  sql: string,
  values: string[] = [],
): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: urlOf(port, database), connectionTimeoutMillis: 2_000 });
  // A connection that breaks also rejects the query that waits on it, which is where it is handled.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.query(sql, values);
  } finally {
    await client.end();
  }
}

const urlOf = (port: number, database: string): string =>
  `postgres://${OWNER}:${OWNER}@127.0.0.1:${port}/${database}`;

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
