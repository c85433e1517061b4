import assert from 'node:assert/strict';
import fc from 'fast-check';
import { businessRefusals, infrastructureErrors, updateRefusals } from '../../../domain/errors.ts';
import { failureDetail, isFailureCode, safeFailure } from '../../../domain/failure-texts.ts';
import { leaksIn } from '../../support/internal-text.ts';

const technical = [
  'select s.sku from inventory.stock s where s.sku = any($1)',
  'connect ECONNREFUSED 127.0.0.1:5432',
  'BEGIN; - Connection terminated unexpectedly',
  'Error: x\n    at reserve (/app/dist/activities/inventory/postgres-inventory.js:101:13)',
];

describe('the texts of failures', () => {
  it('each code has a text that works without fields and holds nothing technical', () => {
    for (const code of [...businessRefusals, ...infrastructureErrors, ...updateRefusals]) {
      const { detail } = safeFailure(code);
      assert.match(detail, /^[a-z][^\n]+[^.]$/, code);
      assert.doesNotMatch(detail, /undefined/, code);
      assert.deepEqual(leaksIn(detail), []);
    }
  });

  it('fields fill in the text', () => {
    const lines = [
      { sku: 'FILTER', quantity: 6 },
      { sku: 'COFFEE-1KG', quantity: 2 },
    ];
    assert.equal(failureDetail('OUT_OF_STOCK', { lines }), 'not enough in stock: 6 × FILTER, 2 × COFFEE-1KG');
    assert.equal(
      failureDetail('PAYMENT_UNAVAILABLE', { attempts: 3 }),
      'the payment provider was not available in 3 attempts',
    );
    assert.equal(
      failureDetail('APPROVAL_REJECTED', { operator: 'ada', reason: 'too dear' }),
      'rejected by ada: too dear',
    );
    assert.equal(
      failureDetail('INVALID_TRANSITION', { command: 'CancelOrder', status: 'SHIPPED' }),
      'the state of the order does not allow CancelOrder: status SHIPPED',
    );
  });

  it('an unknown code is reported as FAILED', () => {
    for (const code of ['NO_SUCH_CODE', '', undefined, 'toString', '__proto__', 42]) {
      assert.equal(isFailureCode(code), false);
      assert.deepEqual(safeFailure(code, { lines: [] }), {
        code: 'FAILED',
        fields: {},
        detail: failureDetail('FAILED'),
      });
    }
  });

  it('fields that a code does not declare, or of another kind, are dropped', () => {
    const lines = [
      { sku: 'FILTER', quantity: 6, sql: 'select' },
      { sku: technical[0], quantity: 1 },
      'x',
      null,
    ];
    assert.deepEqual(safeFailure('OUT_OF_STOCK', { lines, cause: technical[0] }).fields, {
      lines: [{ sku: 'FILTER', quantity: 6 }],
    });
    assert.deepEqual(safeFailure('PAYMENT_UNAVAILABLE', { attempts: '3' }).fields, {});
    assert.deepEqual(safeFailure('PAYMENT_DECLINED', { detail: technical[1] }).fields, {});
    for (const text of technical) assert.deepEqual(safeFailure('NOT_STUCK', { workflowId: text }).fields, {});
  });

  it('whatever is given as fields of any code, the text is one printable line', () => {
    const codes = fc.constantFrom(...businessRefusals, ...infrastructureErrors, ...updateRefusals);
    fc.assert(
      fc.property(codes, fc.anything(), (code, fields) => {
        assert.match(safeFailure(code, fields).detail, /^[^\p{Cc}\p{Cs}]+$/u);
      }),
    );
  });
});
