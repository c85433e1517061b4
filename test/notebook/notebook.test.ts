import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrderEvent } from '../../domain/events.ts';
import { runCommand } from '../../dev/servers/run-command.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { orderHistory, stories } from '../support/builders.ts';
import { projectRoot } from '../support/project-root.ts';
import { applyEvents } from '../support/projections.ts';
import { pythonWith } from '../support/python.ts';
import { progress } from '../support/servers.ts';
import { messageOf, withNats } from '../support/stream.ts';
import { startSystem, type System } from '../support/system.ts';
import { audience, issuer, sign, signingKey } from '../support/tokens.ts';

/** The page asks for the last 31 days. @param time of day, UTC */
const daysAgo = (days: number, time: string): string =>
  `${new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)}T${time}:00.000Z`;

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
  });
  after(() => system?.close());

  /** As they come to the views and the stream. */
  async function happen(events: readonly OrderEvent[]): Promise<void> {
    const { db, topology } = system!;
    await applyEvents(db, [...events]);
    await withNats(async (connection) => {
      await ensureStream(connection, topology);
      await publishInOrder(
        connection,
        events.map((event) => messageOf(topology, event)),
      );
    });
  }

  async function run(results: string): Promise<string> {
    const page = await readFile(join(projectRoot, 'docs/notebook.md'), 'utf8');
    const [, code] = /```python\n([^]*?)```/.exec(page) ?? [];
    assert.ok(code);
    return runCommand(python, ['-W', 'error', '-c', `${code}\n${results}`], {
      progress,
      env: { QUERY_API: system!.urls['query-api'], TOKEN: token },
    });
  }

  it('its code runs to its end where no order has been completed yet', async () => {
    await happen(orderHistory(stories.completed, { startedAt: daysAgo(3, '12:00') }).slice(0, 1));
    assert.match(await run('print("RESULT", len(duration), duration.count())'), /^RESULT 1 0$/m);
  });

  it('its code runs as it is there, and computes what the orders say', async () => {
    // The first is of the next day in Berlin.
    const events = [daysAgo(5, '23:30'), daysAgo(4, '12:00')]
      .map((startedAt) => orderHistory(stories.completed, { startedAt }))
      .flat();
    await happen(events);
    const day = daysAgo(4, '00:00').slice(0, 10);
    const output = await run(`
counted = revenue.fillna(0)
print("RESULT", len(revenue), int(counted.loc["${day}"].sum()), int(counted.to_numpy().sum()))
print("RESULT", duration.count(), duration.max().total_seconds())
print("RESULT", events["occurredAt"].dt.tz)
`);
    // In cents; the last of an order's four events is three seconds after the first.
    assert.deepEqual(
      output.match(/^RESULT.*$/gm),
      ['RESULT 31 8640 8640', 'RESULT 2 3.0', 'RESULT UTC'],
      output,
    );
  });
});
