import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { guardUi } from '../../../dev/guarded-ui.ts';
import { freePorts } from '../../../dev/servers/free-port.ts';
import { startTemporal } from '../../../dev/servers/temporal.ts';
import { eventually } from '../../support/eventually.ts';
import { rawRequest, sendRaw } from '../../support/raw-http.ts';
import { progress, testDataDir } from '../../support/servers.ts';

describe('Temporal’s Web UI under `npm start`', function () {
  this.timeout(10 * 60_000); // the first run may build the server

  it('shows and does what people of this machine ask, opens workflows where they are explained, and does nothing for pages of another name or site', async () => {
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

      const page = '/namespaces/default/workflows/order-1';
      const opened = (headers: Record<string, string>) => sendRaw(port, rawRequest('GET', page, headers));
      assert.equal(
        (await opened({ Host: `localhost:${port}` })).status,
        200,
        'the UI says that there is none',
      );
      const connection = await Connection.connect({ address: `127.0.0.1:${grpc}` });
      const { firstExecutionRunId } = await new Client({ connection }).workflow.start('orderSaga', {
        workflowId: 'order-1',
        taskQueue: 'nobody-polls',
      });
      await connection.close();
      const answer = await fetch(`${url}${page}`, { redirect: 'manual' });
      assert.equal(answer.status, 302);
      assert.equal(answer.headers.get('location'), `${page}/${firstExecutionRunId}/user-metadata`);
      assert.equal((await opened({ Host: `evil.test:${port}` })).status, 421);
    } finally {
      await server.stop();
    }
    await assert.rejects(fetch(url), 'its proxy ends with it');
  });
});
