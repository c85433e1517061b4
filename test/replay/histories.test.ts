import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { NamedHistory } from '../../dev/history-json.ts';
import { bundleWithPlanted } from '../support/planted-bundle.ts';
import { brokenReplays } from '../support/replays.ts';
import { quietRuntime, sagaBundle } from '../support/workflow-env.ts';
import { keptHistories, namesIn, presentFolder } from './kept-histories.ts';
import { paths } from './paths.ts';

/** Paths with a charge, which the planted change pauses before; and others. */
const changed = ['order-completed', 'order-declined-regular-steps', 'order-stuck-open'];
const unchanged = ['order-approval-open', 'order-out-of-stock', 'outbox-housekeeping', 'shipment-delivered'];

describe('workflows that were begun with any release', function () {
  this.timeout(120_000);
  let kept: NamedHistory[];

  before(async () => {
    quietRuntime();
    kept = await keptHistories();
  });

  it('each path has a history of the present release', async () => {
    const recorded = await namesIn(await presentFolder());
    assert.deepEqual(recorded.sort(), [...paths.keys()].sort(), 'run: npm run histories');
  });

  it('go on with the present code, wherever they are', async () => {
    assert.deepEqual(await brokenReplays(await sagaBundle(), kept), []);
  });

  it('that cannot go on with a changed saga are found', async () => {
    const planted = join(import.meta.dirname, 'planted/pause-before-charge.ts');
    const present = (await presentFolder()).split('/').at(-1) ?? '';
    const some = kept.filter(({ workflowId }) =>
      [...changed, ...unchanged].some((name) => workflowId === `${present}/${name}`),
    );
    const broken = await brokenReplays(await bundleWithPlanted(planted), some);
    assert.deepEqual(
      broken.map((line) => line.split(':')[0]?.split('/')[1]),
      changed,
      broken.join('\n'),
    );
    assert.equal(some.length, changed.length + unchanged.length);
  });

  it('name no machine, and hold no stack trace', () => {
    const leaks = kept.filter(({ history }) =>
      /\bat \S+ \(|\.ts:\d+|\/node_modules\/|@[a-z-]+\.local/.test(JSON.stringify(history)),
    );
    assert.deepEqual(
      leaks.map(({ workflowId }) => workflowId),
      [],
    );
  });
});
