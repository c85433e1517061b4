import assert from 'node:assert/strict';
import type {
  ChargeRequest,
  PaymentEntry,
  PaymentGateway,
} from '../../../activities/payments/payment-gateway.ts';
import { createSimulatedPaymentBooks } from '../../../activities/payments/simulated-ledger.ts';
import { createSimulatedProvider } from '../../../activities/payments/simulated-provider.ts';
import type { Knex } from '../../../db/connection.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

describe('simulated payment provider', () => {
  let database: TestDatabase;
  let db: Knex;
  let provider: PaymentGateway;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    provider = createSimulatedProvider({ db, clock: systemClock, latencyMs: 1, timeoutMs: 20 });
  });
  after(() => database.drop());

  const request = (paymentMethod: string): ChargeRequest => ({
    idempotencyKey: newId(),
    amount: { amountMinor: 1_250, currency: 'EUR' },
    paymentMethod,
  });
  /** Amounts that moved: charges positive, refunds negative. */
  const moved = async ({ idempotencyKey }: ChargeRequest): Promise<number[]> => {
    const entries = await db<{ idempotency_key: string; kind: string; amount_minor: string; entry: string }>(
      'payments.ledger',
    )
      .where({ idempotency_key: idempotencyKey })
      .orderBy('entry')
      .select('kind', 'amount_minor');
    return entries.map(({ kind, amount_minor }) => Number(amount_minor) * (kind === 'CHARGE' ? 1 : -1));
  };

  it('one key is charged once, however often and at whatever time it is asked', async () => {
    const charge = request('pm_card_visa');
    const receipts = await Promise.all(Array.from({ length: 6 }, () => provider.charge(charge)));
    assert.equal(new Set(receipts.map(({ providerReference }) => providerReference)).size, 1);
    assert.deepEqual(await moved(charge), [1_250]);
    assert.equal((await provider.find(charge.idempotencyKey)).status, 'CHARGED');
  });

  it('a declined card moves nothing and stays declined', async () => {
    const charge = request('pm_card_declined');
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(provider.charge(charge), { code: 'PAYMENT_DECLINED' });
    }
    assert.deepEqual(await moved(charge), []);
    assert.equal((await provider.find(charge.idempotencyKey)).status, 'DECLINED');
    assert.equal(await provider.refund(charge.idempotencyKey), false);
  });

  it('a refund that was told to fail moves nothing, and may be repeated', async () => {
    const faults = { refundFailureRate: 1, outage: false };
    const failing = createSimulatedProvider({ db, clock: systemClock, latencyMs: 1, timeoutMs: 20, faults });
    const charge = request('pm_card_visa');
    await failing.charge(charge);
    await assert.rejects(failing.refund(charge.idempotencyKey), { code: 'PAYMENT_UNAVAILABLE' });
    assert.deepEqual(await moved(charge), [1_250]);
    faults.refundFailureRate = 0;
    assert.equal(await failing.refund(charge.idempotencyKey), true);
    assert.deepEqual(await moved(charge), [1_250, -1_250]);
  });

  it('an outage fails every call, and half of the charges have acted all the same', async () => {
    const faults = { refundFailureRate: 0, outage: true };
    let draw = 0.4;
    const away = createSimulatedProvider({
      ...{ db, clock: systemClock, latencyMs: 1, timeoutMs: 20, faults },
      random: () => draw,
    });
    const [before, after] = [request('pm_card_visa'), request('pm_card_visa')];
    await assert.rejects(away.charge(before), { code: 'PAYMENT_UNAVAILABLE' });
    draw = 0.6;
    await assert.rejects(away.charge(after), { code: 'PAYMENT_OUTCOME_UNKNOWN' });
    await assert.rejects(away.find(after.idempotencyKey), { code: 'PAYMENT_UNAVAILABLE' });
    await assert.rejects(away.refund(after.idempotencyKey), { code: 'PAYMENT_UNAVAILABLE' });
    assert.deepEqual([await moved(before), await moved(after)], [[], [1_250]]);
    faults.outage = false;
    assert.equal((await away.find(after.idempotencyKey)).status, 'CHARGED');
  });

  it('a time-out before acting leaves nothing behind', async () => {
    const charge = request('pm_timeout_before');
    await assert.rejects(provider.charge(charge), { code: 'PAYMENT_OUTCOME_UNKNOWN' });
    assert.equal((await provider.find(charge.idempotencyKey)).status, 'NOT_FOUND');
    assert.deepEqual(await moved(charge), []);
  });

  it('a time-out after acting took the money, and asking tells so', async () => {
    const charge = request('pm_timeout_after');
    await assert.rejects(provider.charge(charge), { code: 'PAYMENT_OUTCOME_UNKNOWN' });
    assert.equal((await provider.find(charge.idempotencyKey)).status, 'CHARGED');
    assert.deepEqual(await moved(charge), [1_250]);
  });

  it('a refund gives the money back once', async () => {
    const charge = request('pm_card_visa');
    await provider.charge(charge);
    const acted = await Promise.all(Array.from({ length: 4 }, () => provider.refund(charge.idempotencyKey)));
    assert.deepEqual(acted, [true, true, true, true]);
    assert.deepEqual(await moved(charge), [1_250, -1_250]);
    await assert.rejects(provider.charge(charge), { code: 'CHARGE_FENCED' });
  });

  it('a charge that arrives after its refund takes nothing', async () => {
    const charge = request('pm_card_visa');
    assert.equal(await provider.refund(charge.idempotencyKey), false);
    await assert.rejects(provider.charge(charge), { code: 'CHARGE_FENCED' });
    assert.deepEqual(await moved(charge), []);
  });

  describe('its books', () => {
    const listed = async (since: Date, limit: number): Promise<PaymentEntry[]> => {
      const books = createSimulatedPaymentBooks({ db, latencyMs: 1 });
      const entries: PaymentEntry[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const page = await books.listEntries({ since, limit, ...(cursor !== '' && { cursor }) });
        assert.ok(page.entries.length <= limit);
        entries.push(...page.entries);
        cursor = page.next;
      }
      return entries;
    };

    it('list each charge and each refund once, whatever the size of a page, and none that is older', async () => {
      const older = request('pm_card_visa');
      await provider.charge(older);
      await db('payments.ledger')
        .where({ idempotency_key: older.idempotencyKey })
        .update({ created_at: new Date(Date.now() - 3_600_000) });
      const [charge, declined, late] = [
        request('pm_card_visa'),
        request('pm_card_declined'),
        request('pm_timeout_after'),
      ];
      const since = new Date();
      await provider.charge(charge);
      await assert.rejects(provider.charge(declined));
      await assert.rejects(provider.charge(late));
      await provider.refund(charge.idempotencyKey);
      // Entries of the same microsecond are told apart by their numbers.
      await db('payments.ledger')
        .where('created_at', '>=', since)
        .update({ created_at: db.raw(`cast(? as timestamptz) + interval '7 microseconds'`, [since]) });
      for (const limit of [1, 2, 100]) {
        const entries = await listed(since, limit);
        assert.deepEqual(
          entries.map(({ idempotencyKey, kind, amount }) => [idempotencyKey, kind, amount]),
          [
            [charge.idempotencyKey, 'CHARGE', { amountMinor: 1_250, currency: 'EUR' }],
            [late.idempotencyKey, 'CHARGE', { amountMinor: 1_250, currency: 'EUR' }],
            [charge.idempotencyKey, 'REFUND', { amountMinor: 1_250, currency: 'EUR' }],
          ],
        );
        assert.equal(new Set(entries.map(({ entryId }) => entryId)).size, 3);
      }
    });

    it('are not available as often as they are told not to be', async () => {
      const faults = { failureRate: 1 };
      const books = createSimulatedPaymentBooks({ db, latencyMs: 1, faults });
      await assert.rejects(books.listEntries({ limit: 1 }), { code: 'PAYMENT_UNAVAILABLE' });
      faults.failureRate = 0;
      assert.equal((await books.listEntries({ limit: 1 })).entries.length, 1);
    });
  });
});
