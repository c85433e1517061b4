import assert from 'node:assert/strict';
import { leaksIn, leaksInside } from '../../support/internal-text.ts';

const kindsIn = (text: string): string[] => leaksIn(text).map(({ kind }) => kind);

describe('the search for technical text', () => {
  for (const [text, kind] of [
    ['select s.sku from inventory.stock s', 'SQL'],
    ['insert into messaging.outbox (shard) values ($1)', 'SQL'],
    ['update "orders"."orders" set "status" = $1', 'SQL'],
    ['BEGIN; - Connection terminated', 'SQL'],
    ['Connection terminated unexpectedly', 'database error'],
    ['new row violates check constraint "stock_check"', 'database error'],
    ['TypeError: x\n    at reserve (/app/a.js:10:5)', 'stack trace'],
    [JSON.stringify('TypeError: x\n    at async reserve (file:///app/a.js:10:5)'), 'stack trace'],
    ['Error\n    at /app/dist/db/pool.js:1:1', 'stack trace'],
    ['in /app/dist/db/pool.js', 'path'],
    ['activities/../node_modules/knex', 'path'],
    ['connect ECONNREFUSED ::1:5432', 'address'],
    ['127.0.0.1', 'address'],
    ['nats://localhost:4222', 'address'],
  ] as const)
    it(`finds ${kind} in ${JSON.stringify(text)}`, () => {
      assert.ok(kindsIn(text).includes(kind), String(kindsIn(text)));
    });

  for (const text of [
    'select the order, and update it at 10:30',
    'the parcel has left; let the customer refuse it, or take it back once it has arrived',
    'not enough in stock: 6 × FILTER',
    '2026-11-29T04:32:40.736Z',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'https://temporal.example.com/namespaces/default/workflows/order-01a22592-d747-7441-99b5-6fed8404c3ea',
    'orders.3.OrderCreated.01a22592-d747-7441-99b5-6fed8404c3ea',
  ])
    it(`finds nothing in ${JSON.stringify(text)}`, () => {
      assert.deepEqual(leaksIn(text), []);
    });

  it('looks into members, lists and bytes, and says where it found something', () => {
    const payload = { data: new TextEncoder().encode(JSON.stringify('connect ECONNREFUSED 10.0.0.7:5432')) };
    const [found, ...others] = leaksInside({ events: [{ failure: { payloads: [payload] } }] }, 'history');
    assert.match(found ?? '', /^history\.events\.0\.failure\.payloads\.0\.data: address in/);
    assert.deepEqual(others, []);
  });
});
