import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { md, withList } from '../../../domain/markdown.ts';
import { childEnvironment } from '../../../platform/config.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post } from '../../support/http.ts';
import { npmStart, stackSettings, type StartedStack } from '../../support/npm-start.ts';
import { projectRoot } from '../../support/project-root.ts';
import { testDataDir } from '../../support/servers.ts';

interface OrderView {
  readonly orderId: string;
  readonly status: string;
  readonly links: { readonly workflow: string };
}

const STOP_WITHIN_MS = 10_000;

/** The ids of processes that are still there. */
const alive = (pids: readonly number[]): number[] =>
  pids.filter((pid) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false; // no such process
    }
  });

describe('npm start', function () {
  this.timeout(360_000);
  let settings: Record<string, string>;
  let stack: StartedStack | undefined;
  let dir: string;
  let placed: string;
  let starts = 0;

  before(async () => {
    dir = join(await testDataDir(), 'npm-start');
    await mkdir(dir);
    await chmod(dir, 0o755);
    settings = await stackSettings(join(dir, 'data'));
  });
  after(async () => {
    await stack?.interrupt();
  });

  async function start(...args: string[]): Promise<StartedStack> {
    stack = await npmStart(settings, args, join(dir, `output-${++starts}.log`));
    await stack.ready();
    return stack;
  }

  async function stop(running: StartedStack): Promise<void> {
    const pids = await running.processIds();
    assert.ok(
      pids.length >= 8,
      `three servers, four processes and npm start itself, but ${pids.length} pid files`,
    );
    const tookMs = await running.interrupt();
    stack = undefined;
    assert.match(await running.output(), /Stopped\. The data is kept\./);
    assert.ok(tookMs < STOP_WITHIN_MS, `stopping took ${tookMs} ms`);
    assert.deepEqual(alive(pids), []);
  }

  it('brings everything up and says where it is; a first order runs to its end', async () => {
    const started = await start();
    const { api } = started;
    const said = await started.output();
    assert.match(said, new RegExp(`API +${api}`));
    assert.match(said, new RegExp(`Temporal Web UI +http://127.0.0.1:${settings['TEMPORAL_UI_PORT'] ?? ''}`));
    assert.match(said, new RegExp(`Documentation +${api}/docs`));
    assert.match(said, /curl -i http/);
    assert.doesNotMatch(said, /error:|warn:|aborted|fetch failed/);

    const response = await post(`${api}/orders`, {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE-1KG', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
    });
    assert.equal(response.status, 202);
    const location = response.headers.get('location') ?? '';
    const view = await eventually(
      async () => {
        const order = await getJson<OrderView>(`${api}${location}`);
        return order.status === 'COMPLETED' ? order : undefined;
      },
      { what: 'the first order is completed' },
    );
    placed = view.orderId;
    const ui = await fetch(view.links.workflow);
    assert.equal(ui.status, 200, 'the link leads to the Temporal Web UI');
  });

  it('its address alone says where to go, to people and to programs', async () => {
    assert.ok(stack);
    const page = await fetch(`${stack.api}/`, { headers: { accept: 'text/html,*/*' } });
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    const text = await page.text();
    for (const href of [
      '/docs',
      '/orders',
      '/products',
      `http://127.0.0.1:${settings['TEMPORAL_UI_PORT'] ?? ''}`,
    ])
      assert.ok(text.includes(`href="${href}"`), href);
    const { places } = await getJson<{ places: { href: string }[] }>(`${stack.api}/`);
    for (const { href } of places) assert.equal((await fetch(new URL(href, stack.api))).status, 200, href);
  });

  it('Temporal’s Web UI shows what people typed as they typed it, and steps as a list', async () => {
    // Without straight quotes, which it makes typographic ones.
    const typed = '<br>- undo: all ✓<p hidden> **b** [x](http://y) {runId} `c` (c) 1/2 & &lt; a_b_ 1. #';
    const details = withList(md`${typed}`, [md`${typed}`, md`${typed}`]).toString();
    const address = `http://127.0.0.1:${settings['TEMPORAL_UI_PORT'] ?? ''}/render?content=${encodeURIComponent(details)}`;
    const [, main = ''] = /<main>([^]*)<\/main>/.exec(await (await fetch(address)).text()) ?? [];
    const shown = main
      .replace(/<\/?(p|ul|li)>/g, '\n')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
    assert.deepEqual(
      shown
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean),
      [typed, typed, typed],
    );
    assert.equal(main.match(/<li>/g)?.length, 2);
  });

  it('maintenance commands find it without being told, and say so in one line', async () => {
    const npmRun = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
      promisify(execFile)('npm', ['run', '--silent', ...args], {
        cwd: projectRoot,
        env: childEnvironment({ DATA_DIR: settings['DATA_DIR'] ?? '' }),
      });
    const postgres = `PostgreSQL postgres://postgres@127.0.0.1:${settings['POSTGRES_PORT'] ?? ''}/durable_orders (of npm start)`;
    const outbox = await npmRun('outbox', '--', 'status');
    assert.equal(outbox.stderr, `connects to ${postgres}\n`);
    assert.match(outbox.stdout, /oldest open transaction/);
    for (const [command, ...args] of [
      ['parked', 'list'],
      ['rebuild', 'sales', '--check'],
      ['migrate'],
      ['sagas', 'orphans'],
      ['set-back', 'status'],
      ['audit'],
      ['replay', `order-${placed}`],
    ] as const) {
      const { stderr } = await npmRun(command, '--', ...args);
      assert.match(stderr.split('\n')[0] ?? '', /^connects to .*\(of npm start\)$/, command);
    }
    await assert.rejects(npmRun('replay', '--', 'order-nope'), ({ stderr }: { stderr: string }) => {
      const address = `127.0.0.1:${settings['TEMPORAL_PORT'] ?? ''}`;
      assert.deepEqual(stderr.trim().split('\n').slice(1), [
        `no workflow order-nope in namespace default at ${address}`,
      ]);
      return true;
    });
  });

  it('npm run token makes one somebody else, who sees what they may', async () => {
    assert.ok(stack);
    const args = ['run', '--silent', 'token', '--', '--role', 'customer', '--customer', 'customer-2'];
    const { stdout } = await promisify(execFile)('npm', args, {
      cwd: projectRoot,
      env: childEnvironment(settings),
    });
    const headers = { authorization: `Bearer ${stdout.trim()}` };
    const statusOf = async (path: string): Promise<number> =>
      (await fetch(stack!.api + path, { headers })).status;
    assert.equal(await statusOf(`/orders/${placed}`), 404);
    assert.equal(await statusOf('/orders'), 200);
  });

  it('a second one for the same data says that it runs already', async () => {
    const second = await npmStart(settings, [], join(dir, 'second.log'));
    assert.equal((await second.exited).code, 1);
    assert.match(await second.output(), /this stack runs already \(pid \d+\)/);
  });

  it('Ctrl-C stops everything within 10 s and leaves no process', async () => {
    assert.ok(stack);
    await stop(stack);
  });

  it('names a taken port and the variable that changes it, and starts nothing', async () => {
    const squatter = createServer().listen(Number(settings['NATS_PORT']), '127.0.0.1');
    await once(squatter, 'listening');
    try {
      const refused = await npmStart(settings, [], join(dir, 'refused.log'));
      assert.equal((await refused.exited).code, 1);
      const port = settings['NATS_PORT'] ?? '';
      assert.match(
        await refused.output(),
        new RegExp(`port ${port} \\(NATS_PORT\\) is taken; set NATS_PORT=`),
      );
      assert.deepEqual(await refused.processIds(), []);
    } finally {
      squatter.close();
    }
  });

  it('keeps its data over a restart, and begins empty with --fresh', async () => {
    const again = await start();
    const kept = await getJson<OrderView>(`${again.api}/orders/${placed}`);
    assert.equal(kept.status, 'COMPLETED');
    await stop(again);

    const fresh = await start('--fresh');
    const { items } = await getJson<{ items: unknown[] }>(`${fresh.api}/orders`);
    assert.deepEqual(items, []);
    await stop(fresh);
  });
});
