import assert from 'node:assert/strict';
import { deskDecisions, isRetryOnly, stuckNames, verdictOn, type DeskVerdict } from '../../../domain/desk.ts';
import { decide, evolve, type Order, type OrderCommand } from '../../../domain/order.ts';
import { newOrder, stuckStory } from '../../support/builders.ts';

const askedBy = (requestedBy: string): { requestedBy: string; reason: string } => ({
  requestedBy,
  reason: 'the account is closed',
});
const sayOf = (verdict: DeskVerdict): string => ('code' in verdict ? verdict.code : verdict.kind);

describe('the rules of the desk', () => {
  const table = [
    // asked for by, decision, operator → verdict
    [null, 'retry', 'ada', 'APPLIED'],
    [null, 'done-by-hand', 'ada', 'APPLIED'],
    [null, 'waive', 'ada', 'WAITS_FOR_SECOND'],
    ['ada', 'waive', 'ada', 'SECOND_OPERATOR_REQUIRED'],
    ['ada', 'waive', 'bob', 'APPLIED'],
    ['ada', 'retry', 'ada', 'APPLIED'],
    ['ada', 'retry', 'bob', 'APPLIED'],
    ['ada', 'done-by-hand', 'ada', 'APPLIED'],
    ['ada', 'done-by-hand', 'bob', 'APPLIED'],
  ] as const;
  for (const [asked, decision, operator, expected] of table)
    it(`${decision} by ${operator}, ${asked === null ? 'with no waiver asked for' : `a waiver asked for by ${asked}`}: ${expected}`, () => {
      for (const undo of stuckNames) {
        const verdict = verdictOn(
          { undo, waiver: asked === null ? null : askedBy(asked) },
          { decision, operator },
        );
        const onlyRetry = isRetryOnly(undo) && decision !== 'retry';
        assert.equal(sayOf(verdict), onlyRetry ? 'RETRY_ONLY' : expected, undo);
      }
    });

  it('a refusal tells who may do what instead', () => {
    const verdict = verdictOn(
      { undo: 'refundPayment', waiver: askedBy('ada') },
      { decision: 'waive', operator: 'ada' },
    );
    assert.ok(verdict.kind === 'REFUSED');
    assert.match(
      verdict.detail,
      /^ada has asked .*another operator has to send waive.*retry or done-by-hand/,
    );
  });
});

describe('an order with a stuck saga', () => {
  const { stuck } = stuckStory('an-order');
  const waiting = stuck.reduce<Order | undefined>(
    (order, fact) => evolve(order, 'an-order', fact),
    undefined,
  )!;
  const of = { workflowId: 'order-an-order', undo: 'refundPayment', occurrence: 1 } as const;
  const after = (order: Order, command: OrderCommand): Order =>
    decide(order, command).reduce((state, fact) => evolve(state, state.id, fact), order);
  const ask = (requestedBy: string): OrderCommand => ({
    type: 'RequestWaiver',
    ...of,
    ...askedBy(requestedBy),
  });
  const waive = (operator: string): OrderCommand => ({
    type: 'ResolveStuck',
    ...of,
    decision: 'waive',
    operator,
    reason: 'the bank agrees',
  });
  const asked = after(waiting, ask('ada'));

  it('keeps who asked to waive, and tells of both who decided', () => {
    assert.deepEqual(asked.waiver, askedBy('ada'));
    assert.deepEqual(decide(asked, waive('bob')), [
      {
        type: 'StuckResolved',
        data: {
          ...of,
          decision: 'waive',
          operator: 'bob',
          reason: 'the bank agrees',
          waiver: askedBy('ada'),
        },
      },
    ]);
    const { payment, stuckCause, waiver } = after(asked, waive('bob'));
    assert.deepEqual([payment, stuckCause, waiver], ['WAIVED', null, null]);
  });

  it('takes no waiver of one operator, whoever writes it', () => {
    const refused = { code: 'SECOND_OPERATOR_REQUIRED' };
    assert.throws(() => decide(waiting, waive('ada')), refused);
    assert.throws(() => decide(asked, waive('ada')), refused);
  });

  it('a request that is repeated, or comes second, changes nothing', () => {
    assert.deepEqual(decide(asked, ask('ada')), []);
    assert.deepEqual(decide(asked, ask('bob')), []);
  });

  it('refuses a request or a decision under an occurrence for which it does not wait', () => {
    const notStuck = { code: 'NOT_STUCK' };
    const byHand = { ...of, decision: 'done-by-hand', operator: 'ada', reason: 'seen' } as const;
    for (const command of [ask('ada'), { type: 'ResolveStuck', ...byHand } as OrderCommand]) {
      assert.throws(() => decide(waiting, { ...command, occurrence: 2 } as OrderCommand), notStuck);
      assert.throws(() => decide(newOrder(), command), notStuck);
      assert.throws(() => decide(after(asked, waive('bob')), command), notStuck);
    }
  });

  it('a decision whose answer was lost changes nothing the second time', () => {
    for (const [order, command] of [
      [asked, waive('bob')],
      [waiting, { ...waive('ada'), decision: 'done-by-hand' }],
      [waiting, { ...waive('ada'), decision: 'retry' }],
    ] as [Order, OrderCommand][])
      assert.deepEqual(decide(after(order, command), command), []);
  });

  it('counts its occurrences itself, and records the same failure of the same workflow once', () => {
    const failure = { workflowId: of.workflowId, undo: of.undo, detail: '', attempts: 1 };
    const [code = ''] = waiting.stuckCause?.split(': ').slice(1) ?? [];
    assert.deepEqual(decide(waiting, { type: 'RecordStuck', ...failure, code }), []);
    const other: OrderCommand = { type: 'RecordStuck', ...failure, code: 'FAILED' };
    assert.equal(after(waiting, other).stuckOccurrence, 2);
    const resolved = after(waiting, { ...waive('ada'), decision: 'retry' } as OrderCommand);
    assert.equal(after(resolved, other).stuckOccurrence, 2);
  });

  it('forgets the request when anything else is decided, and when it is stuck again', () => {
    for (const decision of deskDecisions.filter((each) => each !== 'waive')) {
      const command: OrderCommand = {
        type: 'ResolveStuck',
        ...of,
        decision,
        operator: 'ada',
        reason: 'seen',
      };
      const [fact] = decide(asked, command);
      assert.ok(fact?.type === 'StuckResolved');
      assert.equal(fact.data.waiver, null);
      assert.equal(after(asked, command).waiver, null);
    }
    const again: OrderCommand = {
      type: 'RecordStuck',
      workflowId: of.workflowId,
      undo: of.undo,
      code: 'FAILED',
      detail: '',
      attempts: 1,
    };
    assert.equal(after(asked, again).waiver, null);
    assert.throws(() => decide(after(asked, again), { ...waive('bob'), occurrence: 2 } as OrderCommand), {
      code: 'SECOND_OPERATOR_REQUIRED',
    });
  });
});
