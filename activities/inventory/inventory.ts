import type { Provenance } from '../../domain/events.ts';

/** A quantity of one SKU. */
export interface StockLine {
  readonly sku: string;
  readonly quantity: number;
}

/** The port to whoever keeps the stock. Each call may be repeated with the same order id. */
export interface Inventory {
  /**
   * Holds every line for the order, or none.
   * @throws OrderSystemError OUT_OF_STOCK, RESERVATION_FENCED (it was released before), INVENTORY_UNAVAILABLE
   */
  reserve(orderId: string, lines: readonly StockLine[], provenance: Provenance): Promise<void>;
  /**
   * Gives the order's stock back. From then on a reservation of this order is refused, also when none was there.
   * @returns whether stock was held.
   */
  release(orderId: string, provenance: Provenance): Promise<boolean>;
  /**
   * The order's goods have left: they are no longer on hand, and nothing of the order can be released any more.
   * @throws OrderSystemError RESERVATION_FENCED when nothing is held for the order
   */
  ship(orderId: string, provenance: Provenance): Promise<void>;
}
