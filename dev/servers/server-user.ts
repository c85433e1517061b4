import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf, StartError, type Progress } from './progress.ts';

const run = promisify(execFile);

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const NAME = 'postgres';

export const runsAsRoot = (): boolean => process.getuid?.() === 0;

/**
 * Who PostgreSQL runs as. It refuses to run as root: root gets the user `postgres`, made when it is missing;
 * everyone else runs it as themselves (undefined).
 */
export async function postgresUser(progress: Progress): Promise<ServerUser | undefined> {
  if (!runsAsRoot()) return undefined;
  const found = await lookUp();
  if (found) return found;
  progress(`PostgreSQL does not run as root: adding the system user "${NAME}"`);
  try {
    await run('groupadd', ['--force', '--system', NAME]);
    await run('useradd', ['--system', '--gid', NAME, '--no-create-home', '--shell', '/bin/false', NAME]);
  } catch (error) {
    throw new StartError(
      `PostgreSQL does not run as root, and the user "${NAME}" could not be added (${reasonOf(error)}); ` +
        'add it, run this as another user, or set DATABASE_URL to a server that runs already',
    );
  }
  const added = await lookUp();
  if (!added) throw new StartError(`the user "${NAME}" was added but cannot be found`);
  return added;
}

async function lookUp(): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', NAME]), run('id', ['-g', NAME])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined; // `id` fails for an unknown user
  }
}

/**
 * The first folder on the way to `path` that the user may not enter, or undefined when there is none.
 * Folders that do not exist yet count as open: we make them so.
 */
export async function closedFolder(path: string, user: ServerUser): Promise<string | undefined> {
  const folders: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    const facts = await stat(folder).catch(() => undefined);
    if (!facts) return undefined;
    const bit = facts.uid === user.uid ? 0o100 : facts.gid === user.gid ? 0o010 : 0o001;
    if ((facts.mode & bit) === 0) return folder;
  }
  return undefined;
}
