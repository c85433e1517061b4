import assert from 'node:assert/strict';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../../../platform/config.ts';
import { bundleWithPlanted } from '../../support/planted-bundle.ts';
import { brokenPromises } from '../../support/saga-promises.ts';
import { cancelledWhileCharging, isUndoneForwards, refundIsWaived } from '../../support/scripted-saga.ts';

/** As many as a run of all suites has time for; `npm run test:promises` plays many more. */
const { SAGA_SCRIPTS: RUNS } = loadConfig(
  z.object({ SAGA_SCRIPTS: z.coerce.number().int().positive().default(100) }),
);
/** A planted bug ends its trial as soon as a script shows it. */
const UNTIL_FOUND = 1_000;

const planted = (name: string, replaces?: string) => () =>
  bundleWithPlanted(join(import.meta.dirname, `planted/${name}.ts`), replaces);

describe('sagas under random scripts', function () {
  this.timeout(Math.max(RUNS, UNTIL_FOUND) * 1_000);

  it(`${RUNS} orders keep the promises, whatever steps, customers and operators do`, async () => {
    assert.deepEqual(await brokenPromises({ runs: RUNS }), []);
  });

  it('show a fence that is skipped', async () => {
    const from = cancelledWhileCharging;
    assert.deepEqual(await brokenPromises({ runs: 30, from }), []);
    const broken = await brokenPromises({ runs: UNTIL_FOUND, from, fences: false });
    assert.match(broken.join('\n'), /the money is kept|the order itself refuses/);
  });

  it('show an undo that is registered after the act', async () => {
    const broken = await brokenPromises({ runs: UNTIL_FOUND, bundle: planted('undo-after-act') });
    // Where money or stock was taken, the order itself refuses to be cancelled.
    assert.match(broken.join('\n'), /and (releaseInventory|refundPayment) never|the order itself refuses/);
  });

  it('show a waiver that takes one operator', async () => {
    const from = refundIsWaived;
    assert.deepEqual(await brokenPromises({ runs: 30, from }), []);
    const bundle = planted('one-operator-waives', '../domain/desk.ts');
    assert.match(
      (await brokenPromises({ runs: UNTIL_FOUND, from, bundle })).join('\n'),
      /was waived by (ops|second) alone/,
    );
  });

  it('show a step forward after undo began', async () => {
    const broken = await brokenPromises({ runs: UNTIL_FOUND, bundle: planted('forward-after-undo') });
    assert.match(broken.join('\n'), /forward after undo: /);
  });

  it('show what is undone in the order of doing', () => {
    const steps = ['reserveInventory', 'chargePayment'] as const;
    assert.equal(isUndoneForwards([...steps, 'releaseInventory', 'refundPayment']), true);
    assert.equal(isUndoneForwards([...steps, 'refundPayment', 'releaseInventory']), false);
  });
});
