import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheOnce, cacheRoot } from './cache.ts';
import { findOnPath, isExecutable } from './find-executable.ts';
import { NotThere, type Way } from './find-server.ts';
import { fetchRelease, type Release } from './release-download.ts';
import { runCommand } from './run-command.ts';

/** A server that is one executable. */
export interface Binary {
  readonly name: string;
  /** The version that is fetched, without `v`. */
  readonly version: string;
  /** A tool of the same version that is used with it, and lies beside it. */
  readonly companion?: string;
}

interface VersionRule {
  readonly minimum: string;
  readonly args: readonly string[];
  /** Finds the version in what the command prints. */
  readonly pattern: RegExp;
  /** Why an older one will not do. */
  readonly because: string;
}

/** The executable on PATH, when it is new enough. */
export const onPath = ({ name, companion }: Binary, rule: VersionRule): Way => ({
  name: 'on PATH',
  find: async (waiting) => {
    const path = await findOnPath(name);
    if (path === undefined) throw new NotThere('not there');
    if (companion !== undefined && !(await isExecutable(beside(path, companion))))
      throw new Error(`${path} has no ${companion} beside it`);
    const printed = await runCommand(path, rule.args, waiting);
    const version = rule.pattern.exec(printed)?.[1];
    if (version === undefined) throw new Error(`${path} does not say its version`);
    if (isOlder(version, rule.minimum))
      throw new Error(
        `${path} is version ${version}, and at least ${rule.minimum} is needed: ${rule.because}`,
      );
    return path;
  },
});

/** What an earlier run has fetched. */
export const inCache = (binary: Binary): Way => ({
  name: 'in the cache',
  find: async () => {
    const path = await cachedPath(binary);
    if (!(await isExecutable(path))) throw new NotThere(`no ${path}`);
    return path; // folders of the cache are whole: what belongs beside it is there
  },
});

/** The published release, its checksum verified. */
export const releaseDownload = (binary: Binary, release: Release): Way => ({
  name: 'release download',
  find: (waiting) =>
    intoCache(binary, async (work) => {
      waiting.progress(`${binary.name} ${binary.version}: downloading ${release.archive}`);
      const [unpacked, tool] = await fetchRelease(release, work, waiting);
      await rename(unpacked, join(work, binary.name));
      if (tool !== undefined && binary.companion !== undefined)
        await rename(tool, join(work, binary.companion));
    }),
});

interface GoPackages {
  readonly server: string;
  readonly companion?: string;
}

/** Builds it from source with the Go toolchain. */
export const goInstall = (binary: Binary, packages: GoPackages, usually: string): Way => ({
  name: 'go install',
  find: async (waiting) => {
    const go = await findOnPath('go');
    if (go === undefined) throw new NotThere('no Go toolchain on PATH');
    const label = `${binary.name} ${binary.version}: building from source (usually ${usually})`;
    waiting.progress(label);
    return intoCache(binary, async (work) => {
      await mkdir(work, { recursive: true });
      // Without cgo no C compiler is needed.
      const env = { GOBIN: work, CGO_ENABLED: '0' };
      const wanted = [packages.server, ...(packages.companion === undefined ? [] : [packages.companion])];
      const args = ['install', ...wanted.map((path) => `${path}@v${binary.version}`)];
      await runCommand(go, args, { ...waiting, cwd: work, env, label });
      await rename(join(work, builtName(packages.server)), join(work, binary.name));
      if (packages.companion !== undefined && binary.companion !== undefined)
        await rename(join(work, builtName(packages.companion)), join(work, binary.companion));
    });
  },
});

/** What Go calls the executable of a package: the last part of its path that is not a major version. */
const builtName = (path: string): string => path.split('/').findLast((part) => !/^v\d+$/.test(part)) ?? path;

/** Where the companion of an executable lies. */
export const beside = (path: string, companion: string): string => join(dirname(path), companion);

async function intoCache(binary: Binary, fill: (work: string) => Promise<void>): Promise<string> {
  const path = await cachedPath(binary);
  await cacheOnce(join(path, '..'), fill);
  return path;
}

const cachedPath = async ({ name, version }: Binary): Promise<string> =>
  join(await cacheRoot(), `${name}-${version}`, name);

/** Compares dotted versions number by number. */
export function isOlder(version: string, minimum: string): boolean {
  const [have, need] = [version, minimum].map((text) => text.split('.').map(Number));
  for (const [index, needed] of (need ?? []).entries()) {
    const had = have?.[index] ?? 0;
    if (had !== needed) return had < needed;
  }
  return false;
}
