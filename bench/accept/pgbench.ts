import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '../../dev/servers/find-executable.ts';
import { runCommand } from '../../dev/servers/run-command.ts';
import type { Progress } from '../../dev/servers/progress.ts';
import { benchProducts } from '../saga/orders.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const ID = '01a20fbc-83c0-7e32-8370-c022ec2cc692';

/** As long as the event of such an order. */
const payload = JSON.stringify(
  {
    id: ID,
    type: 'OrderCreated',
    schemaVersion: 1,
    aggregateType: 'order',
    aggregateId: ID,
    aggregateVersion: 1,
    occurredAt: '2026-01-01T00.00.00.000Z',
    correlationId: ID,
    causationId: ID,
    traceparent: TRACEPARENT,
    data: {
      customerId: 'bench',
      lines: benchProducts
        .slice(0, 2)
        .map(({ sku, priceMinor }) => ({ sku, quantity: 1, unitPriceMinor: priceMinor })),
      totalMinor: 2_000,
      currency: 'EUR',
      paymentMethod: 'pm_card_visa',
    },
  },
  undefined,
  1,
).replaceAll(/\n */g, ' ');

// What the command API writes for an order of two lines, as one transaction for each order.
// Colons are followed by no letter or digit unless they name a variable.
const script = `
\\set first random(1, ${benchProducts.length - 1})
begin;
insert into orders.orders (id, customer_id, status, inventory, payment, shipment, version, payment_method,
    total_minor, currency, placed_at, updated_at)
  values (gen_random_uuid(), 'bench', 'PENDING', 'NONE', 'NONE', 'NONE', 1, 'pm_card_visa', 2000, 'EUR', now(), now())
  returning id as order_id \\gset
insert into orders.idempotency_keys (subject, key, order_id, body_hash, created_at)
  values ('bench', :order_id, :order_id, '4n1Ui0L7yCkGZc3jvqDTHd4cXSzDmHE4d4nDI3FbO9M', now())
  on conflict do nothing;
insert into orders.order_lines (order_id, line_no, sku, quantity, unit_price_minor)
  select :order_id, line, sku, 1, price_minor
  from unnest(array[1, 2]) as line join orders.products on sku = 'BENCH-' || (cast(:first as integer) + line - 1);
insert into messaging.outbox (id, shard, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
  values (gen_random_uuid(), mod(:first, 2), 'order', :order_id, 1, 'OrderCreated',
    jsonb_set('${payload}', '{id}', to_jsonb(cast(:order_id as text))),
    '{"traceparent": "${TRACEPARENT}"}');
insert into orders.audit (id, at, action, subject, order_id, trace_id, details)
  values (gen_random_uuid(), now(), 'placeOrder', 'bench', :order_id, '0af7651916cd43dd8448eb211c80319c',
    '{"customerId": "bench", "totalMinor": 2000, "currency": "EUR"}');
commit;
`;

/** PostgreSQL's own benchmark as a writer of orders. */
export interface Pgbench {
  readonly version: string;
  /** @returns orders per second. */
  run(databaseUrl: string, clients: number, seconds: number): Promise<number>;
}

/** @returns undefined where there is no pgbench on PATH (Debian's package postgresql-contrib has it). */
export async function findPgbench(dir: string, progress: Progress): Promise<Pgbench | undefined> {
  const command = await findOnPath('pgbench');
  if (command === undefined) return undefined;
  const file = join(dir, 'orders.pgbench');
  await writeFile(file, script);
  return {
    version: (await runCommand(command, ['--version'], { progress })).trim(),
    run: async (databaseUrl, clients, seconds) => {
      const options = ['--no-vacuum', '--protocol=prepared', `--client=${clients}`, `--time=${seconds}`];
      const output = await runCommand(command, [...options, `--file=${file}`, databaseUrl], { progress });
      const [, tps] = /^tps = ([\d.]+)/m.exec(output) ?? [];
      if (tps === undefined || !output.includes('failed transactions: 0 '))
        throw new Error(`pgbench did not write every order:\n${output}`);
      return Number(tps);
    },
  };
}
