import assert from 'node:assert/strict';
import {
  databaseFailureOf,
  isDatabaseOutOfReach,
  isRefusedData,
  markAsDatabaseError,
  mayBlameOneRow,
} from '../../../db/database-failures.ts';

const coded = (code: string): Error => Object.assign(new Error(`code ${code}`), { code });
const marked = <T extends Error>(error: T): T => {
  markAsDatabaseError(error);
  return error;
};

describe('a failure of the database', () => {
  const notNow = [
    ...['25006', '25P03', '40001', '40P01', '40003', '55000', '55006', '55P03', '57014', '57P01', '57P02'],
    ...['57P03', '57P04', '57P05', '08000', '08003', '08006', '08P01', '53000', '53100', '53200', '53300'],
    ...['53400', '58030', '58P01', '0A000', '26000', '28000', '28P01', '3D000', 'XX000', 'XX001', '72000'],
    ...['F0000', 'HV000', '99999'],
  ];
  for (const code of notNow)
    it(`with SQLSTATE ${code} may pass: no row is blamed and nothing is written in smaller parts`, () => {
      assert.equal(isDatabaseOutOfReach(coded(code)), true);
      assert.equal(isRefusedData(coded(code)), false);
      assert.equal(mayBlameOneRow(coded(code)), false);
    });

  for (const code of ['21000', '22001', '22003', '22021', '22P02', '23505', '23514', '44000', '54000'])
    it(`with SQLSTATE ${code} is the fault of the data`, () => {
      assert.equal(databaseFailureOf(coded(code)), 'REFUSED_DATA');
      assert.equal(mayBlameOneRow(coded(code)), true);
    });

  it('with an error of class 42 is ours, for all rows alike; one that a trigger raises may be about a row', () => {
    for (const code of ['42601', '42703', '42501', '42P01', 'P0001'])
      assert.equal(databaseFailureOf(coded(code)), 'OUR_FAULT');
    assert.deepEqual([mayBlameOneRow(coded('42703')), mayBlameOneRow(coded('P0001'))], [false, true]);
  });

  for (const error of [
    ...['ECONNREFUSED', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EPIPE', 'EMFILE'].map(coded),
    ...['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT'].map(coded),
    new Error('The server does not support SSL connections'),
    new Error('Connection terminated unexpectedly'),
    new Error('something that a later driver says'),
    new AggregateError([coded('ECONNREFUSED')], ''),
  ])
    it(`of the network or the driver may pass: ${error.message || error.name}`, () => {
      assert.equal(isDatabaseOutOfReach(marked(error)), true);
      assert.equal(mayBlameOneRow(error), false);
    });

  it('in sending a value or reading an answer is ours', () => {
    for (const error of [new TypeError('circular'), new RangeError('too long'), new SyntaxError('no JSON')])
      assert.equal(databaseFailureOf(marked(error)), 'OUR_FAULT');
  });

  it('is told from the same code of another server, and from any other error', () => {
    for (const error of [coded('ECONNREFUSED'), coded('EPIPE'), new Error('x'), 'text', undefined])
      assert.equal(databaseFailureOf(error), undefined);
    assert.equal(mayBlameOneRow(new Error('a bug that one item shows')), true);
  });
});
