import assert from 'node:assert/strict';
import { createUnreliableInventory } from '../../../activities/inventory/unreliable-inventory.ts';
import { provenance } from '../../support/builders.ts';

/** Counts what reaches the inventory, with one draw for each reservation. */
function unreliable(
  failureRate: number,
  draw: number,
): { reserved: () => number; reserve: () => Promise<void> } {
  let reserved = 0;
  const inventory = createUnreliableInventory(
    {
      reserve: () => {
        reserved += 1;
        return Promise.resolve();
      },
      release: () => Promise.resolve(true),
      ship: () => Promise.resolve(),
    },
    { failureRate, latencyMs: 0 },
    () => draw,
  );
  return { reserved: () => reserved, reserve: () => inventory.reserve('order', [], provenance) };
}

describe('unreliable inventory', () => {
  it('half of its failures come before it acted, half after', async () => {
    const before = unreliable(0.2, 0.05);
    await assert.rejects(before.reserve(), { code: 'INVENTORY_UNAVAILABLE' });
    assert.equal(before.reserved(), 0);

    const after = unreliable(0.2, 0.15);
    await assert.rejects(after.reserve(), { code: 'INVENTORY_UNAVAILABLE' });
    assert.equal(after.reserved(), 1);
  });

  it('works for all other draws, and always at rate 0', async () => {
    for (const [rate, draw] of [
      [0.2, 0.2],
      [0.2, 0.99],
      [0, 0],
    ] as const) {
      const inventory = unreliable(rate, draw);
      await inventory.reserve();
      assert.equal(inventory.reserved(), 1);
    }
  });
});
