import { createInventoryActivities } from '../../activities/inventory/activities.ts';
import type { Inventory } from '../../activities/inventory/inventory.ts';
import { createOrderActivities } from '../../activities/orders/activities.ts';
import { createPaymentActivities } from '../../activities/payments/activities.ts';
import type { PaymentGateway } from '../../activities/payments/payment-gateway.ts';
import { createShippingActivities } from '../../activities/shipping/activities.ts';
import type { Carrier, Parcel } from '../../activities/shipping/carrier.ts';
import { toFailure } from '../../activities/failures.ts';
import type { OrderRepository } from '../../db/order-repository.ts';
import type { DeskDecision, StuckOccurrence, UndoName } from '../../domain/desk.ts';
import { OrderSystemError, type ErrorCode } from '../../domain/errors.ts';
import type { SagaOrder } from '../../domain/order-saga.ts';
import { beginUndo, decide, evolve, type Order } from '../../domain/order.ts';
import type { CallName } from '../../domain/saga-steps.ts';
import type { SagaActivities } from '../../worker/activities.ts';
import { newOrder } from './builders.ts';

/**
 * What happens to one call. `unavailable`: it did not act. `lost`: it acted, and the answer was lost. `late`: the answer
 * was lost, and it acts only when a later call has ended. `refused`: a final no.
 */
export type Outcome = 'ok' | 'unavailable' | 'lost' | 'late' | 'refused';

interface ModelOptions {
  /** Outcomes of the calls of each name, in turn; afterwards all are `ok`. */
  readonly outcomes?: Partial<Record<CallName, readonly Outcome[]>>;
  /** Told before a call acts and after it acted; what it returns is waited for. */
  readonly around?: (
    name: CallName,
    nth: number,
    when: 'before' | 'after',
    args: readonly unknown[],
  ) => Promise<void>;
  /** Whether a release, a refund or a cancelled booking refuses the forward step that comes later. */
  readonly fences?: boolean;
}

/** The outside world of one order in memory, behind the real activities: the ports keep the promises of the real ones. */
export interface Model {
  readonly activities: SagaActivities;
  readonly order: () => Order;
  /** Names of all calls in the order in which they began, failed ones included. */
  readonly calls: readonly CallName[];
  /** Calls that acted, the last time, and were refused all the same: not by a scripted outcome. */
  readonly refused: ReadonlySet<CallName>;
  /** What operators asked and decided, as it was to be written. */
  readonly desk: readonly DeskEntry[];
  readonly world: Readonly<World>;
  /** The parcel moves as the carrier moves it. */
  readonly moveParcel: (status: 'DISPATCHED' | 'DELIVERED' | 'LOST') => void;
  /** What an operator does without the saga. */
  readonly byHand: (undo: UndoName) => void;
  /** Lets everything act that is still late. */
  readonly settle: () => Promise<void>;
}

interface DeskEntry extends StuckOccurrence {
  readonly operator: string;
  /** Absent: a waiver is asked for. */
  readonly decision?: DeskDecision;
}

interface World {
  reservation: 'NONE' | 'HELD' | 'RELEASED' | 'SHIPPED';
  charge: 'NONE' | 'CHARGED' | 'REFUNDED' | 'VOIDED';
  /** Charges − refunds. */
  net: number;
  parcel: Parcel['status'];
}

/** What a call fails with when its answer is lost, and when the service is away. */
const faults: Record<string, { unavailable: ErrorCode; lost: ErrorCode; refused: ErrorCode }> = {
  reserveInventory: {
    unavailable: 'INVENTORY_UNAVAILABLE',
    lost: 'INVENTORY_UNAVAILABLE',
    refused: 'OUT_OF_STOCK',
  },
  chargePayment: {
    unavailable: 'PAYMENT_UNAVAILABLE',
    lost: 'PAYMENT_OUTCOME_UNKNOWN',
    refused: 'PAYMENT_DECLINED',
  },
  bookCarrier: {
    unavailable: 'CARRIER_UNAVAILABLE',
    lost: 'BOOKING_OUTCOME_UNKNOWN',
    refused: 'BOOKING_REFUSED',
  },
};
const otherwise = {
  unavailable: 'PAYMENT_UNAVAILABLE',
  lost: 'PAYMENT_UNAVAILABLE',
  refused: 'INVALID_TRANSITION',
} as const;

export function createModel(id: string, { outcomes = {}, around, fences = true }: ModelOptions = {}): Model {
  const calls: CallName[] = [];
  const refused = new Set<CallName>();
  const desk: DeskEntry[] = [];
  const late: (() => Promise<unknown>)[] = [];
  const world: World = { reservation: 'NONE', charge: 'NONE', net: 0, parcel: 'NOT_FOUND' };
  let order = newOrder({}, id);
  const { requestWaiver, recordResolution, ...others } = realActivities(world, fences, {
    positionOf: () => Promise.resolve(order),
    beginUndo: (_id, saga, why) => {
      order = beginUndo(order, saga, why);
      return Promise.resolve(order);
    },
    change: (_id, command) => {
      const facts = decide(order, command);
      for (const fact of facts) order = evolve(order, id, fact);
      return Promise.resolve({ order, events: [], placedAt: new Date(0) });
    },
  });
  const activities: SagaActivities = {
    ...others,
    requestWaiver: (saga, stuck, request) => {
      desk.push({ ...stuck, operator: request.requestedBy });
      return requestWaiver(saga, stuck, request);
    },
    recordResolution: (saga, stuck, resolution) => {
      desk.push({ ...stuck, operator: resolution.operator, decision: resolution.decision });
      return recordResolution(saga, stuck, resolution);
    },
  };

  async function call(name: CallName, args: readonly unknown[]): Promise<unknown> {
    const nth = calls.push(name) && calls.filter((other) => other === name).length;
    const outcome = outcomes[name]?.[nth - 1] ?? 'ok';
    const act = async (): Promise<unknown> => {
      try {
        return await (activities[name] as (...given: readonly unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        refused.add(name);
        throw error;
      }
    };
    refused.delete(name);
    await around?.(name, nth, 'before', args);
    try {
      if (outcome === 'ok') return await act();
      if (outcome === 'lost') await act();
      // What is late acts after the next call: a fence must refuse it by then, or it is undone like any other.
      if (outcome === 'late') late.push(act);
      const codes = faults[name] ?? otherwise;
      throw toFailure(
        new OrderSystemError(codes[outcome === 'late' ? 'lost' : outcome], `${name}: ${outcome}`),
      );
    } finally {
      await around?.(name, nth, 'after', args);
      // Between a step that is given up and its compensation; what is late must come after both.
      if (outcome !== 'late' && name !== 'beginUndo') await settle();
    }
  }

  async function settle(): Promise<void> {
    for (const act of late.splice(0)) await act().catch(refusedByFence);
  }

  const names = Object.keys(activities) as CallName[];
  return {
    activities: Object.fromEntries(
      names.map((name) => [name, (...args: unknown[]) => call(name, args)]),
    ) as unknown as SagaActivities,
    order: () => order,
    calls,
    refused,
    desk,
    world,
    moveParcel: (status) => {
      world.parcel = status;
    },
    byHand: (undo) => {
      if (undo === 'releaseInventory') world.reservation = 'RELEASED';
      else if (undo === 'cancelBooking') world.parcel = 'CANCELLED';
      else refund(world);
    },
    settle,
  };
}

/** @returns whether money moved back */
function refund(world: World): boolean {
  if (world.charge === 'REFUNDED') return true;
  const charged = world.charge === 'CHARGED';
  if (charged) world.net -= 1;
  world.charge = charged ? 'REFUNDED' : 'VOIDED';
  return charged;
}

/** Nobody waits for a late call; only a refusal may come of it. @throws any other error */
function refusedByFence(error: unknown): void {
  if (!(error instanceof Error && 'nonRetryable' in error)) throw error;
}

function realActivities(world: World, fences: boolean, orders: OrderRepository): SagaActivities {
  const inventory: Inventory = {
    reserve: () => {
      if (world.reservation === 'RELEASED' && fences) return refuse('RESERVATION_FENCED');
      world.reservation = 'HELD';
      return Promise.resolve();
    },
    release: () => {
      const held = world.reservation === 'HELD';
      if (world.reservation !== 'SHIPPED') world.reservation = 'RELEASED';
      return Promise.resolve(held);
    },
    ship: () => {
      if (world.reservation !== 'HELD' && world.reservation !== 'SHIPPED')
        return refuse('RESERVATION_FENCED');
      world.reservation = 'SHIPPED';
      return Promise.resolve();
    },
  };
  const gateway: PaymentGateway = {
    charge: () => {
      if ((world.charge === 'REFUNDED' || world.charge === 'VOIDED') && fences)
        return refuse('CHARGE_FENCED');
      if (world.charge !== 'CHARGED') world.net += 1;
      world.charge = 'CHARGED';
      return Promise.resolve({ providerReference: 'model' });
    },
    find: () =>
      Promise.resolve(
        world.charge === 'CHARGED'
          ? { status: 'CHARGED', providerReference: 'model' }
          : { status: 'NOT_FOUND' },
      ),
    refund: () => Promise.resolve(refund(world)),
  };
  const parcel = (): Promise<Parcel> =>
    Promise.resolve({ status: world.parcel, ...(world.parcel !== 'NOT_FOUND' && { trackingNumber: 'M1' }) });
  const carrier: Carrier = {
    name: 'Model Parcels',
    book: () => {
      if (world.parcel === 'CANCELLED' && fences) return refuse('BOOKING_FENCED');
      if (world.parcel === 'NOT_FOUND' || world.parcel === 'CANCELLED') world.parcel = 'BOOKED';
      return parcel();
    },
    locate: parcel,
    cancel: () => {
      if (world.parcel === 'NOT_FOUND' || world.parcel === 'BOOKED') world.parcel = 'CANCELLED';
      return parcel();
    },
  };
  return {
    ...createInventoryActivities({ inventory, orders }),
    ...createPaymentActivities({ gateway, orders }),
    ...createShippingActivities({ carrier, orders }),
    ...createOrderActivities({ orders, onEnded: () => undefined }),
  };
}

const refuse = (code: ErrorCode): Promise<never> =>
  Promise.reject(new OrderSystemError(code, `the model refuses: ${code}`));

/** One set of activities for many orders: each call goes to the model of its own order. */
export function routedToModels(models: ReadonlyMap<string, Model>): SagaActivities {
  const names = Object.keys(createModel('00000000-0000-7000-8000-000000000000').activities) as CallName[];
  const route =
    (name: CallName) =>
    (order: SagaOrder, ...rest: unknown[]): unknown => {
      const model = models.get(order.id);
      if (!model) throw new Error(`no model for order ${order.id}`);
      return (model.activities[name] as (...args: unknown[]) => unknown)(order, ...rest);
    };
  return Object.fromEntries(names.map((name) => [name, route(name)])) as unknown as SagaActivities;
}
