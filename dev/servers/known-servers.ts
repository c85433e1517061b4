import { findServer } from './find-server.ts';
import type { Waiting } from './progress.ts';
import { goInstall, inCache, onPath, releaseDownload, type Binary } from './ways.ts';

const NATS: Binary = { name: 'nats-server', version: '2.15.2' };
const TEMPORAL: Binary = { name: 'temporal', version: '1.5.1' };

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
          member: `nats-server-v${NATS.version}-${PLATFORM}/nats-server`,
          checksum: 'SHA256SUMS',
        }),
        goInstall(NATS, 'github.com/nats-io/nats-server/v2', 'half a minute'),
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
          member: 'temporal',
          checksum: 'checksums.txt',
        }),
        goInstall(TEMPORAL, 'github.com/temporalio/cli/cmd/temporal', 'three minutes'),
      ],
      advice:
        'Install the Temporal CLI 1.3 or newer so that `temporal` is on PATH, or Go 1.21 or newer to build it, ' +
        'or set TEMPORAL_ADDRESS to a server that runs already.',
    },
    waiting,
  );
