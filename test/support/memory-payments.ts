import type { PaymentProvider } from '../integration/outbox/retrofit/saga-activities.ts';

/** The payment provider of docs/retrofit.md, in memory; its answers can be held up, or get lost. */
export class MemoryPayments implements PaymentProvider {
  refuses = false;
  /** Awaited when money is taken, or was before; throw to lose the answer. */
  beforeAnswer: () => Promise<void> = () => Promise.resolve();
  readonly #moved = new Map<string, number[]>();
  readonly #refunded = new Set<string>();

  /** In cents: what was taken for an order, and what was given back, as negative. */
  movedFor = (orderId: string): readonly number[] => this.#of(`order-${orderId}`);

  async charge(key: string, cents: number): Promise<'TAKEN' | 'REFUSED'> {
    if (this.refuses) return 'REFUSED';
    const moved = this.#of(key);
    if (moved.length === 0 && !this.#refunded.has(key)) moved.push(cents);
    await this.beforeAnswer();
    return 'TAKEN';
  }

  refund(key: string): Promise<void> {
    const moved = this.#of(key);
    const [taken] = moved;
    if (taken !== undefined && !this.#refunded.has(key)) moved.push(-taken);
    this.#refunded.add(key);
    return Promise.resolve();
  }

  #of(key: string): number[] {
    const moved = this.#moved.get(key) ?? [];
    this.#moved.set(key, moved);
    return moved;
  }
}
