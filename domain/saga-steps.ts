import type { OrderUndoName, UndoName } from './desk.ts';
import type { OrderStatus, SagaKind } from './order.ts';

/** A part of the business with an adapter of its own. */
export type Capability = 'inventory' | 'payments' | 'orders' | 'shipping';

/**
 * How long a call is repeated: until it succeeds, is refused for a business reason or the deadline of its step is over; or
 * until an operator is needed.
 */
type Attempts = 'until done' | 'until stuck';

/** Something that a saga calls: an activity of that name. */
export interface Call {
  /** What it does, for people: shown in the Temporal Web UI and in docs/sagas.md. */
  readonly does: string;
  readonly capability: Capability;
  readonly attempts: Attempts;
  /** Of each attempt, in ms. */
  readonly timeoutMs: number;
  /** What a state conflict means: `wait` until it is resolved or the deadline is over, or an operator is needed at once. */
  readonly onConflict: 'wait' | 'stuck';
  /** Always a regular activity: a lost workflow task must not make the saga forget it. */
  readonly neverLocal?: true;
}

const TIMEOUT_MS = 10_000;

const forward = (capability: Capability, does: string): Call => ({
  does,
  capability,
  attempts: 'until done',
  timeoutMs: TIMEOUT_MS,
  onConflict: 'wait',
});
/** What must happen in the end: writing the order's status. */
const untilDone = (capability: Capability, does: string): Call => ({
  ...forward(capability, does),
  onConflict: 'stuck',
});
/** Compensations: past their attempts they wait for an operator. */
const untilStuck = (capability: Capability, does: string): Call => ({
  ...untilDone(capability, does),
  attempts: 'until stuck',
});

/** Every activity that sagas call, by its name. */
export const sagaCalls = {
  reserveInventory: forward('inventory', 'Hold the stock of every line'),
  releaseInventory: untilStuck('inventory', 'Give the stock back'),
  shipInventory: untilDone('inventory', 'Book the stock out: the goods have left'),
  chargePayment: forward('payments', 'Charge the total, once'),
  resolveCharge: forward('payments', 'Ask the provider what became of the charge'),
  refundPayment: untilStuck('payments', 'Give the money back'),
  bookCarrier: forward('shipping', 'Book a parcel, once'),
  locateParcel: forward('shipping', 'Ask the carrier where the parcel is'),
  cancelBooking: { ...untilStuck('shipping', 'Take the booking back'), neverLocal: true },
  orderStatus: forward('orders', 'Ask how far the order is'),
  beginUndo: { ...untilDone('orders', 'Record why the saga compensates'), neverLocal: true },
  requestApproval: forward('orders', 'Write that the order waits for approval'),
  recordApproval: forward('orders', 'Write who decided about the order'),
  completeOrder: untilDone('orders', 'Complete the order'),
  cancelOrder: untilDone('orders', 'Cancel the order'),
  deliverOrder: untilDone('orders', 'Write that the parcel has arrived'),
  failShipment: untilDone('orders', 'Write that the shipment has failed'),
  refundOrder: untilDone('orders', 'End the order as refunded'),
  recordStuck: untilDone('orders', 'Write that an operator is needed'),
  requestWaiver: untilDone('orders', 'Write that an operator asks to waive'),
  recordResolution: { ...untilDone('orders', 'Write what the operator decided'), neverLocal: true },
} as const satisfies Record<string, Call>;
export type CallName = keyof typeof sagaCalls;

/** Durable timers, by what they are called in the settings. */
export type DeadlineName = 'approvalMs' | 'reservationMs' | 'paymentMs' | 'dispatchMs' | 'deliveryMs';

/** One step of a saga, as it is told to people: by the workflow's progress, the Web UI and docs/sagas.md. */
export interface SagaStep {
  readonly name: string;
  /** What it does. A step without a call waits for somebody. */
  readonly call?: CallName;
  /** What it waits for, when it does. */
  readonly waits?: string;
  /** How an unknown outcome is found out. */
  readonly asks?: CallName;
  /** Takes it back; registered before the step acts. */
  readonly undo?: UndoName;
  /** Asks an outside system to take it back before anything is undone; where that is too late, the saga goes on. */
  readonly recall?: UndoName;
  /** What cannot be undone any more once the step has begun. */
  readonly forgets?: readonly UndoName[];
  /** Status of the order once it is done. */
  readonly reaches?: OrderStatus;
  /** How long it may take in all; then the saga undoes. */
  readonly deadlines?: readonly DeadlineName[];
  /** From its beginning on no cancellation is taken, and what was done before is not undone any more. */
  readonly pointOfNoReturn?: true;
  /** When it is part of the saga; absent: always. */
  readonly when?: string;
}

export interface Saga {
  readonly kind: SagaKind;
  readonly title: string;
  /** In the order in which they run. */
  readonly steps: Readonly<Record<string, SagaStep>>;
  /** What it undoes of an earlier saga, first registered first. */
  readonly inherits: readonly UndoName[];
  /** The calls around the undoing, and the status that they end in. */
  readonly undoing: {
    /** Records the reason and rules out that the order is completed after all; comes before everything else. */
    readonly fence: 'beginUndo';
    readonly first?: OrderUndoName;
    readonly last: OrderUndoName;
    readonly reaches: OrderStatus;
  };
}

export const orderSagaSteps = {
  kind: 'order',
  title: 'Order saga',
  inherits: [],
  steps: {
    approve: {
      name: 'wait for approval',
      call: 'requestApproval',
      waits: 'a person approves or rejects',
      deadlines: ['approvalMs'],
      when: 'the total is above the approval limit',
    },
    reserve: {
      name: 'reserve inventory',
      call: 'reserveInventory',
      undo: 'releaseInventory',
      reaches: 'RESERVED',
      deadlines: ['reservationMs'],
    },
    charge: {
      name: 'charge payment',
      call: 'chargePayment',
      asks: 'resolveCharge',
      undo: 'refundPayment',
      reaches: 'PAID',
      deadlines: ['paymentMs', 'reservationMs'],
    },
    complete: {
      name: 'complete order',
      call: 'completeOrder',
      reaches: 'COMPLETED',
      pointOfNoReturn: true,
    },
  },
  undoing: { fence: 'beginUndo', last: 'cancelOrder', reaches: 'CANCELLED' },
} as const satisfies Saga;

export const shipmentSagaSteps = {
  kind: 'shipment',
  title: 'Shipment saga',
  inherits: ['releaseInventory', 'refundPayment'],
  steps: {
    book: {
      name: 'book carrier',
      call: 'bookCarrier',
      asks: 'locateParcel',
      recall: 'cancelBooking',
      deadlines: ['dispatchMs'],
    },
    dispatch: {
      name: 'wait until the parcel has left',
      waits: 'the carrier tells that it has left',
      deadlines: ['dispatchMs'],
    },
    bookOut: {
      name: 'book the stock out',
      call: 'shipInventory',
      reaches: 'SHIPPED',
      forgets: ['releaseInventory'],
      pointOfNoReturn: true,
    },
    deliver: {
      name: 'wait until the parcel has arrived',
      waits: 'the carrier tells that it has arrived',
      asks: 'locateParcel',
      deadlines: ['deliveryMs'],
      reaches: 'DELIVERED',
    },
  },
  undoing: { fence: 'beginUndo', first: 'failShipment', last: 'refundOrder', reaches: 'REFUNDED' },
} as const satisfies Saga;
