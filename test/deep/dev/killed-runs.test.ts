import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWNER, removeKilledRuns } from '../../../dev/servers/cache.ts';
import { writePidFile } from '../../../dev/servers/process-identity.ts';
import { progress, testDataDir } from '../../support/servers.ts';

describe('what a killed run has left', () => {
  it('is removed, whatever lies in it, and what belongs to a run that goes on stays', async () => {
    const parent = join(await testDataDir(), 'killed-runs');
    const folders = ['killed', 'running', 'just-begun'].map((run) => join(parent, run));
    for (const folder of folders) {
      await mkdir(join(folder, 'nats'), { recursive: true });
      await writeFile(join(folder, 'workflow-bundle.js'), '');
    }
    const [killed = '', running = ''] = folders;
    await writeFile(
      join(killed, OWNER),
      JSON.stringify({ pid: process.pid, identity: 'of an earlier process' }),
    );
    await writePidFile(join(running, OWNER), process.pid);

    await removeKilledRuns(parent, progress);
    assert.deepEqual((await readdir(parent)).sort(), ['just-begun', 'running']);
  });
});
