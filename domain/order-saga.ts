import type { CancelReason } from './errors.ts';
import type { PaymentMethod } from './commands.ts';
import type { Provenance } from './events.ts';
import type { ApprovalFacet, OrderStatus, SagaKind, UndoReason } from './order.ts';
import type { ApprovalDecision, Resolution, StuckFailure, StuckOccurrence, WaiverRequest } from './desk.ts';
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

/** How an order waits for an operator. */
interface StuckRecord extends Pick<StuckOccurrence, 'occurrence'> {
  /** Asked for under this occurrence, by this run of the saga or by one before it. */
  readonly waiver: WaiverRequest | null;
}

/** Where the order is, as its row says: from here a saga that is started again goes on. */
export interface OrderPosition {
  readonly status: OrderStatus;
  readonly approval: ApprovalFacet;
  /** Why a saga of this order has begun to compensate; null when none has. */
  readonly undo: UndoReason | null;
}

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
  /** How far an earlier run has brought the order. @throws ORDER_NOT_FOUND */
  readonly orderStatus: (order: SagaOrder) => Promise<OrderPosition>;
  /**
   * Records why the saga compensates, and from then on refuses to complete the order. The first reason stays.
   * @returns where the order is, with the reason that counts. @throws ORDER_NOT_FOUND
   */
  readonly beginUndo: (order: SagaOrder, saga: SagaKind, why: UndoReason) => Promise<OrderPosition>;
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
   * Records that a step needs an operator.
   * @returns how the order waits; null when it has ended, because an attempt whose answer was lost has compensated
   * everything before.
   */
  readonly recordStuck: (order: SagaOrder, stuck: StuckFailure) => Promise<StuckRecord | null>;
  /** Records that an operator wants to waive it. @throws NOT_STUCK */
  readonly requestWaiver: (order: SagaOrder, stuck: StuckOccurrence, request: WaiverRequest) => Promise<void>;
  /**
   * What the operator decided; `done-by-hand` and `waive` settle the order's money or stock.
   * @throws SECOND_OPERATOR_REQUIRED for a waiver that no other operator has asked for, NOT_STUCK when the order does not
   * wait under this occurrence
   */
  readonly recordResolution: (
    order: SagaOrder,
    stuck: StuckOccurrence,
    resolution: Resolution,
  ) => Promise<void>;
}
