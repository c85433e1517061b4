import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from '../../../dev/servers/child.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { startServer } from '../../../dev/servers/start-server.ts';

describe('starting a server', () => {
  let dir: string;
  let other: Server;
  let launched: Child | undefined;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'start-server-'));
    other = createServer((_request, response) => response.end('ok'));
  });
  afterEach(async () => {
    launched?.kill();
    other.close();
    await rm(dir, { recursive: true });
  });

  it('does not take whoever answers on its port for a server that could not listen there', async () => {
    const port = await freePort();
    await once(other.listen(port, '127.0.0.1'), 'listening');
    const recipe = {
      name: 'the second',
      command: process.execPath,
      args: ['-e', `require('node:http').createServer().listen(${port}, '127.0.0.1')`],
      cwd: dir,
      stopSignal: 'SIGTERM' as const,
      readyWithinMs: 20_000,
      probe: async () => {
        assert.ok((await fetch(`http://127.0.0.1:${port}`)).ok);
      },
    };
    await assert.rejects(
      startServer({ dir, port, progress: () => undefined, onLaunch: (child) => (launched = child) }, recipe),
      {
        message: `the second did not start: port ${port} is taken`,
      },
    );
  });
});

describe('free ports', () => {
  it('are handed out once only, also while nobody listens on them yet', async () => {
    const ports: number[] = [];
    // So many that a draw at random would almost surely repeat one.
    for (let drawn = 0; drawn < 500; drawn++) ports.push(await freePort());
    assert.equal(new Set(ports).size, ports.length);
  });
});
