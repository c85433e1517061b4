import { setTimeout as delay } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Inventory } from './inventory.ts';

/** What a demonstration or a fault test may turn while the worker runs. */
export interface InventoryFaults {
  /** Share of reservations that fail, 0 to 1. */
  failureRate: number;
  /** Added to each call, in ms. */
  latencyMs: number;
}

/**
 * An inventory that fails like a remote service: half of the failures come before it acted, the other half
 * after, when only the answer is lost. Releases and shipments are slow but do not fail, so that a roll-back can be watched.
 */
export function createUnreliableInventory(
  inventory: Inventory,
  faults: Readonly<InventoryFaults>,
  random: () => number = Math.random,
): Inventory {
  return {
    reserve: async (orderId, lines, provenance) => {
      await delay(faults.latencyMs);
      const draw = random();
      if (draw < faults.failureRate / 2) throw unavailable('did not take the reservation');
      await inventory.reserve(orderId, lines, provenance);
      if (draw < faults.failureRate) throw unavailable('answer was lost');
    },
    release: async (orderId, provenance) => {
      await delay(faults.latencyMs);
      return inventory.release(orderId, provenance);
    },
    ship: async (orderId, provenance) => {
      await delay(faults.latencyMs);
      await inventory.ship(orderId, provenance);
    },
  };
}

const unavailable = (what: string): OrderSystemError =>
  new OrderSystemError('INVENTORY_UNAVAILABLE', `the inventory service failed: ${what} (simulated)`);
