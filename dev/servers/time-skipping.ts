import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../../platform/config.ts';
import { searchSchema } from '../dev-config.ts';
import { cacheOnce, cacheRoot } from './cache.ts';
import { findOnPath, isExecutable } from './find-executable.ts';
import { findServer, NotThere, type Way } from './find-server.ts';
import type { Progress, Waiting } from './progress.ts';
import { get, type Release } from './release-download.ts';
import { runCommand } from './run-command.ts';
import { inCache, releaseDownload, type Binary } from './ways.ts';

const TEST_SERVER: Binary = { name: 'temporal-test-server', version: '1.38.0' };
/** Has no logger of its own and complains about that on every start, unless it is given one that says nothing. */
const SILENT_LOGGER = '1.7.36';
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/**
 * Path of a Temporal test server that skips time, for
 * `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })`.
 * @throws StartError that says what to install.
 */
export const timeSkippingServerPath = (progress: Progress): Promise<string> =>
  findServer(
    {
      server: 'the time-skipping Temporal test server',
      ways: [named, onPath, inCache(TEST_SERVER), releaseDownload(TEST_SERVER, release()), fromMaven],
      advice:
        'Install Maven and a Java runtime (11 or newer), or put temporal-test-server on PATH, ' +
        'or name it in TEMPORAL_TEST_SERVER.',
    },
    { progress },
  );

const named: Way = {
  name: 'TEMPORAL_TEST_SERVER',
  find: async () => {
    const { TEMPORAL_TEST_SERVER: path } = loadConfig(searchSchema);
    if (path === undefined) throw new NotThere('not set');
    if (!(await isExecutable(path))) throw new Error(`${path} is not an executable file`);
    return path;
  },
};

const onPath: Way = {
  name: 'on PATH',
  find: async () => {
    const path = await findOnPath(TEST_SERVER.name);
    if (path === undefined) throw new NotThere('not there');
    return path;
  },
};

function release(): Release {
  const platform = `${process.platform === 'darwin' ? 'macOS' : process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const name = `${TEST_SERVER.name}_${TEST_SERVER.version}_${platform}`;
  const archive = `${name}.tar.gz`;
  return {
    folder: `https://github.com/temporalio/sdk-java/releases/download/v${TEST_SERVER.version}`,
    archive,
    members: [`${name}/${TEST_SERVER.name}`],
    checksum: (waiting) => digestOf(archive, waiting),
  };
}

const releaseFacts = z.object({
  assets: z.array(z.object({ name: z.string(), digest: z.string().nullish() })),
});

/** This release publishes no file of checksums; the host knows the digest of what was uploaded. */
async function digestOf(archive: string, waiting: Waiting): Promise<string> {
  const answer = await get(
    `https://api.github.com/repos/temporalio/sdk-java/releases/tags/v${TEST_SERVER.version}`,
    waiting,
  );
  const { assets } = releaseFacts.parse(await answer.json());
  const sum = /^sha256:([0-9a-f]{64})$/.exec(assets.find(({ name }) => name === archive)?.digest ?? '')?.[1];
  if (sum === undefined) throw new Error(`no checksum is published for ${archive}`);
  return sum;
}

/** The same server as Java archives, behind a script that starts them. Maven verifies what it fetches. */
const fromMaven: Way = {
  name: 'Maven',
  find: async (waiting) => {
    const [mvn, java] = await Promise.all([findOnPath('mvn'), findOnPath('java')]);
    if (mvn === undefined || java === undefined)
      throw new NotThere(`no ${mvn === undefined ? 'mvn' : 'java'} on PATH`);
    const label = `${TEST_SERVER.name} ${TEST_SERVER.version}: fetching with Maven (usually a few seconds)`;
    waiting.progress(label);
    const folder = join(await cacheRoot(), `${TEST_SERVER.name}-${TEST_SERVER.version}`);
    await cacheOnce(folder, async (work) => {
      await writeFile(join(work, 'pom.xml'), pom());
      const args = ['--batch-mode', '--quiet', COPY_GOAL, '-DoutputDirectory=lib', '-DincludeScope=runtime'];
      await runCommand(mvn, args, { ...waiting, cwd: work, label });
      await writeFile(join(work, TEST_SERVER.name), START_SCRIPT);
      await chmod(join(work, TEST_SERVER.name), 0o755);
    });
    return join(folder, TEST_SERVER.name);
  },
};

/** `exec`: a signal to the script's process reaches the server. Its argument is the port. */
const START_SCRIPT = `#!/bin/sh
exec java -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
`;

const pom = (): string => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>durable-orders</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <dependencies>
    ${dependency('io.temporal', TEST_SERVER.name, TEST_SERVER.version)}
    ${dependency('org.slf4j', 'slf4j-nop', SILENT_LOGGER)}
  </dependencies>
</project>
`;

const dependency = (group: string, artifact: string, version: string): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
