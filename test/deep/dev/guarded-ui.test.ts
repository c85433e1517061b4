import assert from 'node:assert/strict';
import { join } from 'node:path';
import { guardUi } from '../../../dev/guarded-ui.ts';
import { freePorts } from '../../../dev/servers/free-port.ts';
import { startTemporal } from '../../../dev/servers/temporal.ts';
import { eventually } from '../../support/eventually.ts';
import { rawRequest, sendRaw } from '../../support/raw-http.ts';
import { progress, testDataDir } from '../../support/servers.ts';

describe('Temporal’s Web UI under `npm start`', function () {
  this.timeout(10 * 60_000); // the first run may build the server

  it('shows and does what people of this machine ask, and nothing for pages of another name or site', async () => {
    const [grpc, hiddenPort, port] = (await freePorts(3)) as [number, number, number];
    const dir = join(await testDataDir(), 'guarded-ui');
    const temporal = await startTemporal({
      dir,
      port: grpc,
      uiPort: hiddenPort,
      persistent: false,
      progress,
    });
    const { server, url } = await guardUi(temporal, { hiddenPort, port });
    try {
      // The UI connects to its server a moment after that is ready.
      const namespaces = await eventually(
        async () => {
          const answer = await fetch(`${url}/api/v1/namespaces`);
          return answer.status === 200 ? answer.text() : undefined;
        },
        { what: 'the UI lists namespaces' },
      );
      assert.match(namespaces, /default/);
      const statusOf = async (method: string, headers: Record<string, string>): Promise<number> =>
        (await sendRaw(port, rawRequest(method, '/api/v1/namespaces', headers))).status;
      assert.equal(await statusOf('GET', { Host: `evil.test:${port}` }), 421);
      assert.equal(await statusOf('POST', { Host: `localhost:${port}`, Origin: 'https://evil.test' }), 403);
      assert.notEqual(
        await statusOf('POST', { Host: `localhost:${port}`, Origin: `http://localhost:${port}` }),
        403,
      );
    } finally {
      await server.stop();
    }
    await assert.rejects(fetch(url), 'its proxy ends with it');
  });
});
