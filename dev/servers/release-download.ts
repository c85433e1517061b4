import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Waiting } from './progress.ts';
import { runCommand } from './run-command.ts';

/** A release archive (`.tar.gz`) with an executable in it. */
export interface Release {
  /** Folder that the archive and its checksums are published in, without a slash at its end. */
  readonly folder: string;
  readonly archive: string;
  /** Paths inside the archive: the executable, and a tool that is used with it. */
  readonly members: readonly [executable: string, companion?: string];
  /** Name of the published file with SHA-256 sums, or how to learn the sum otherwise. */
  readonly checksum: string | ((waiting: Waiting) => Promise<string>);
}

const ANSWER_LIMIT_MS = 10_000;
const DOWNLOAD_LIMIT_MS = 10 * 60_000;

/**
 * Downloads, verifies and unpacks a release into the folder. @returns the paths of its members.
 * @throws when the host does not answer within 10 s, or the checksum does not agree.
 */
export async function fetchRelease(
  release: Release,
  folder: string,
  waiting: Waiting,
): Promise<[executable: string, companion?: string]> {
  const wanted = await checksumOf(release, waiting);
  const file = join(folder, release.archive);
  const response = await get(`${release.folder}/${release.archive}`, waiting);
  if (!response.body) throw new Error(`${release.archive}: the answer is empty`);
  await pipeline(Readable.from(response.body), createWriteStream(file));

  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const got = hash.digest('hex');
  if (got !== wanted) throw new Error(`${release.archive} has SHA-256 ${got}, but ${wanted} is published`);

  const [executable, companion] = release.members;
  const members = [executable, ...(companion === undefined ? [] : [companion])];
  await runCommand('tar', ['-xzf', file, '-C', folder, ...members], waiting);
  await rm(file);
  return companion === undefined
    ? [join(folder, executable)]
    : [join(folder, executable), join(folder, companion)];
}

async function checksumOf({ folder, archive, checksum }: Release, waiting: Waiting): Promise<string> {
  if (typeof checksum !== 'string') return checksum(waiting);
  const list = await (await get(`${folder}/${checksum}`, waiting)).text();
  for (const line of list.split('\n')) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (name === archive && sum !== undefined) return sum.toLowerCase();
  }
  throw new Error(`${checksum} does not name ${archive}`);
}

/** GET that gives up when no answer begins within 10 s, or when it has not ended after ten minutes. */
export async function get(url: string, { signal }: Waiting): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new Error(`no answer from ${new URL(url).host} within ${ANSWER_LIMIT_MS / 1_000} s`));
  }, ANSWER_LIMIT_MS);
  try {
    const signals = [late.signal, AbortSignal.timeout(DOWNLOAD_LIMIT_MS), ...(signal ? [signal] : [])];
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    return response;
  } finally {
    clearTimeout(timer);
  }
}
