import { findServer } from './find-server.ts';
import type { Waiting } from './progress.ts';
import { beside, goInstall, inCache, onPath, releaseDownload, type Binary } from './ways.ts';

const NATS: Binary = { name: 'nats-server', version: '2.15.2' };
const TEMPORAL: Binary = { name: 'temporal', version: '1.5.1' };
const SQL_TOOL = 'temporal-sql-tool';
/** The server and the Web UI that are in the CLI of the version above. */
const TEMPORAL_SERVER: Binary = { name: 'temporal-server', version: '1.29.1', companion: SQL_TOOL };
const TEMPORAL_UI: Binary = { name: 'temporal-ui-server', version: '2.42.1' };

/** As Go and the release archives name it. */
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;
const PLATFORM = `${process.platform}-${ARCHITECTURE}`;

/** Path of a nats-server that can publish batches atomically. @throws StartError that says what to install. */
export const findNatsServer = (waiting: Waiting): Promise<string> =>
  findServer(
    {
      server: NATS.name,
      ways: [
        onPath(NATS, {
          minimum: '2.12.0',
          args: ['--version'],
          pattern: /v(\d+\.\d+\.\d+)/,
          because: 'older ones cannot publish a batch atomically',
        }),
        inCache(NATS),
        releaseDownload(NATS, {
          folder: `https://github.com/nats-io/nats-server/releases/download/v${NATS.version}`,
          archive: `nats-server-v${NATS.version}-${PLATFORM}.tar.gz`,
          members: [`nats-server-v${NATS.version}-${PLATFORM}/nats-server`],
          checksum: 'SHA256SUMS',
        }),
        goInstall(NATS, { server: 'github.com/nats-io/nats-server/v2' }, 'half a minute'),
      ],
      advice:
        'Install nats-server 2.12 or newer so that it is on PATH, or Go 1.21 or newer to build it, ' +
        'or set NATS_URL to a server that runs already.',
    },
    waiting,
  );

/** Path of a Temporal CLI, which has the dev server in it. @throws StartError that says what to install. */
export const findTemporal = (waiting: Waiting): Promise<string> =>
  findServer(
    {
      server: TEMPORAL.name,
      ways: [
        onPath(TEMPORAL, {
          // The CLI built from source says 0.0.0-DEV of itself; the server in it always has a version.
          // CLI 1.3 came with server 1.27.
          minimum: '1.27.0',
          args: ['--version'],
          pattern: /Server (\d+\.\d+\.\d+)/,
          because: 'older dev servers lack what the sagas use; CLI 1.3 is the first that will do',
        }),
        inCache(TEMPORAL),
        releaseDownload(TEMPORAL, {
          folder: `https://github.com/temporalio/cli/releases/download/v${TEMPORAL.version}`,
          archive: `temporal_cli_${TEMPORAL.version}_${process.platform}_${ARCHITECTURE}.tar.gz`,
          members: ['temporal'],
          checksum: 'checksums.txt',
        }),
        goInstall(TEMPORAL, { server: 'github.com/temporalio/cli/cmd/temporal' }, 'three minutes'),
      ],
      advice:
        'Install the Temporal CLI 1.3 or newer so that `temporal` is on PATH, or Go 1.21 or newer to build it, ' +
        'or set TEMPORAL_ADDRESS to a server that runs already.',
    },
    waiting,
  );

interface TemporalServerBinaries {
  readonly server: string;
  /** Sets up and updates the tables that this server expects. */
  readonly sqlTool: string;
}

/** Paths of a Temporal server for SQL databases and its tool. @throws StartError that says what to install. */
export async function findTemporalServer(waiting: Waiting): Promise<TemporalServerBinaries> {
  const { version } = TEMPORAL_SERVER;
  const search = {
    server: TEMPORAL_SERVER.name,
    ways: [
      onPath(TEMPORAL_SERVER, {
        minimum: '1.27.0',
        args: ['--version'],
        pattern: /version (\d+\.\d+\.\d+)/,
        because: 'older servers lack what the sagas use',
      }),
      inCache(TEMPORAL_SERVER),
      releaseDownload(TEMPORAL_SERVER, {
        folder: `https://github.com/temporalio/temporal/releases/download/v${version}`,
        archive: `temporal_${version}_${process.platform}_${ARCHITECTURE}.tar.gz`,
        members: [TEMPORAL_SERVER.name, SQL_TOOL],
        checksum: 'checksums.txt',
      }),
      goInstall(
        TEMPORAL_SERVER,
        { server: 'go.temporal.io/server/cmd/server', companion: 'go.temporal.io/server/cmd/tools/sql' },
        'two minutes',
      ),
    ],
    advice:
      `Install temporal-server 1.27 or newer so that it is on PATH with ${SQL_TOOL} beside it, or Go 1.21 or ` +
      'newer to build them, or start with --temporal=dev.',
  };
  const server = await findServer(search, waiting);
  return { server, sqlTool: beside(server, SQL_TOOL) };
}

/** Path of the Web UI's own server. @throws StartError that says what to install. */
export const findTemporalUi = (waiting: Waiting): Promise<string> =>
  findServer(
    {
      server: TEMPORAL_UI.name,
      ways: [
        inCache(TEMPORAL_UI),
        releaseDownload(TEMPORAL_UI, {
          folder: `https://github.com/temporalio/ui-server/releases/download/v${TEMPORAL_UI.version}`,
          archive: `ui-server_${TEMPORAL_UI.version}_${process.platform}_${ARCHITECTURE}.tar.gz`,
          members: ['ui-server'],
          checksum: `ui-server_${TEMPORAL_UI.version}_checksums.txt`,
        }),
        goInstall(TEMPORAL_UI, { server: 'github.com/temporalio/ui-server/v2/cmd/server' }, 'half a minute'),
      ],
      advice: 'Install Go 1.21 or newer to build it; everything else works without it.',
    },
    waiting,
  );
