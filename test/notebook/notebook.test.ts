import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../dev/servers/run-command.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { orderHistory, stories } from '../support/builders.ts';
import { projectRoot } from '../support/project-root.ts';
import { applyEvents } from '../support/projections.ts';
import { pythonWith } from '../support/python.ts';
import { progress } from '../support/servers.ts';
import { withNats } from '../support/stream.ts';
import { startSystem, type System } from '../support/system.ts';
import { audience, issuer, sign, signingKey } from '../support/tokens.ts';

describe('docs/notebook.md', function () {
  this.timeout(600_000);
  let python: string;
  let token: string;
  // Not there where what comes before it failed.
  let system: System | undefined;

  before(async () => {
    python = await pythonWith(
      {
        name: 'notebook',
        requirements: join(projectRoot, 'test/notebook/requirements.txt'),
        check: ['-c', 'import pandas, pyarrow'],
      },
      { progress },
    );
    const key = signingKey();
    token = await sign(key, { roles: ['analyst'] });
    const publicKey = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const identityProvider = { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_PUBLIC_KEY: publicKey };
    system = await startSystem({
      processes: ['query-api'],
      env: { ...identityProvider, AUTH_DEMO: 'false' },
    });
    const { db, topology } = system;
    // The first is of the next day in Berlin.
    const events = ['2026-01-10T23:30:00.000Z', '2026-01-11T12:00:00.000Z']
      .map((startedAt) => orderHistory(stories.completed, { startedAt }))
      .flat();
    await applyEvents(db, events);
    await withNats(async (connection) => {
      await ensureStream(connection, topology);
      await publishInOrder(
        connection,
        events.map((event) => ({
          subject: topology.subjectOf(event),
          id: event.id,
          body: JSON.stringify(event),
          headers: {},
        })),
      );
    });
  });
  after(() => system?.close());

  it('its code runs as it is there, and computes what the orders say', async () => {
    const page = await readFile(join(projectRoot, 'docs/notebook.md'), 'utf8');
    const [, code] = /```python\n([^]*?)```/.exec(page) ?? [];
    assert.ok(code);
    const results = `
print("RESULT", len(revenue), int(revenue.loc["2026-01-11"].sum()), int(revenue.to_numpy().sum()))
print("RESULT", len(duration), duration.max().total_seconds())
print("RESULT", events["occurredAt"].dt.tz)
`;
    const output = await runCommand(python, ['-W', 'error', '-c', code + results], {
      progress,
      env: { QUERY_API: system!.urls['query-api'], TOKEN: token },
    });
    // In cents; the last of an order's four events is three seconds after the first.
    assert.deepEqual(output.match(/^RESULT.*$/gm), ['RESULT 31 8640 8640', 'RESULT 2 3.0', 'RESULT UTC'], output);
  });
});
