import type { BusinessRefusal, InfrastructureError } from './errors.ts';
import type { PaymentMethod } from './commands.ts';
import type { Provenance } from './events.ts';
import type { OrderStatus } from './order.ts';
import type { ApprovalDecision, Resolution, StuckOccurrence, StuckStep, WaiverRequest } from './desk.ts';
import type { SagaSettings } from './saga-settings.ts';

/** What every step of every saga knows. */
export interface SagaOrder {
  readonly id: string;
  /** Passed on to every event that the saga causes. */
  readonly provenance: Provenance;
}

/** What the order saga knows of its order: the input of the workflow. No personal data. */
export interface PlacedOrder extends SagaOrder {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  readonly totalMinor: number;
  readonly currency: string;
  readonly paymentMethod: PaymentMethod;
}

/** The input of the order workflow. */
export interface OrderSagaInput {
  readonly order: PlacedOrder;
  readonly settings: SagaSettings;
}

export interface OrderOutcome {
  readonly status: OrderStatus;
  /** Why the order was cancelled. */
  readonly reason?: CancelReason;
}

/** `CANCEL_REQUESTED`: the customer asked for it, or the workflow itself was cancelled. `FAILED`: what no code foresaw. */
export type CancelReason = BusinessRefusal | InfrastructureError | 'CANCEL_REQUESTED' | 'FAILED';

/** Result of asking the payment provider what became of a charge. */
export type ChargeStatus = 'CHARGED' | 'DECLINED' | 'NOT_FOUND';

/** Every method may be repeated with the same order and then changes nothing more. */
export interface InventoryActivities {
  /** Reserves every line or none. @throws OUT_OF_STOCK, RESERVATION_FENCED, INVENTORY_UNAVAILABLE */
  readonly reserveInventory: (order: PlacedOrder) => Promise<void>;
  /** Gives the stock back, and refuses a reservation that arrives later. */
  readonly releaseInventory: (order: SagaOrder) => Promise<void>;
  /** Turns what is reserved into shipped stock: the goods have left. @throws RESERVATION_FENCED */
  readonly shipInventory: (order: SagaOrder) => Promise<void>;
}

export interface PaymentActivities {
  /** Charges the total once. @throws PAYMENT_DECLINED, CHARGE_FENCED, PAYMENT_UNAVAILABLE, PAYMENT_OUTCOME_UNKNOWN */
  readonly chargePayment: (order: PlacedOrder) => Promise<void>;
  /** Asks the provider by idempotency key and records a charge that turns out to have happened. */
  readonly resolveCharge: (order: PlacedOrder) => Promise<ChargeStatus>;
  /** Gives back what was charged, and refuses a charge that arrives later. */
  readonly refundPayment: (order: SagaOrder) => Promise<void>;
}

export interface OrderActivities {
  /** How far an earlier run has brought the order. */
  readonly orderStatus: (order: SagaOrder) => Promise<OrderStatus>;
  /** Refuses a completion that arrives later. @returns how far the order is: past its order saga nothing is to be undone */
  readonly beginUndo: (order: SagaOrder) => Promise<OrderStatus>;
  readonly requestApproval: (order: SagaOrder, limitMinor: number) => Promise<void>;
  readonly recordApproval: (order: SagaOrder, decision: ApprovalDecision) => Promise<void>;
  readonly completeOrder: (order: SagaOrder) => Promise<void>;
  /** The last step of the order saga's undo: stock and money are back. */
  readonly cancelOrder: (order: SagaOrder, reason: CancelReason, detail: string) => Promise<void>;
  readonly deliverOrder: (order: SagaOrder) => Promise<void>;
  /** The first step of the shipment saga's undo: from now on money and stock may go back. */
  readonly failShipment: (order: SagaOrder, reason: CancelReason, detail: string) => Promise<void>;
  /** Its last step: the money is back, and the stock, unless the goods are gone. */
  readonly refundOrder: (order: SagaOrder, reason: CancelReason, detail: string) => Promise<void>;
  /**
   * Tells that an undo step needs an operator.
   * @returns false when the order has ended: an attempt whose answer got lost has undone everything before.
   */
  readonly recordStuck: (order: SagaOrder, stuck: StuckStep) => Promise<boolean>;
  /** Tells that an operator wants to waive it. */
  readonly requestWaiver: (order: SagaOrder, stuck: StuckOccurrence, request: WaiverRequest) => Promise<void>;
  /**
   * What the operator decided; `done-by-hand` and `waive` settle the order's money or stock.
   * @throws INVALID_TRANSITION for a waiver that no other operator has asked for
   */
  readonly recordResolution: (
    order: SagaOrder,
    stuck: StuckOccurrence,
    resolution: Resolution,
  ) => Promise<void>;
}
