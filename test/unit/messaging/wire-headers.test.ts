import assert from 'node:assert/strict';
import fc from 'fast-check';
import { headers, type MsgHdrs } from 'nats';
import { wireHeaders } from '../../../messaging/wire-headers.ts';

type Fields = Readonly<Record<string, string>>;

/** How the client itself writes them. */
function byTheClient(others: Fields, own: Fields): MsgHdrs {
  const set = headers();
  for (const [name, value] of Object.entries({ ...others, ...own })) set.set(name, value);
  return set;
}

/** What is sent, line by line; refused as a whole with a line that says so. */
function written(made: () => MsgHdrs): string[] {
  try {
    const sent = made() as MsgHdrs & { encode(): Uint8Array };
    return new TextDecoder().decode(sent.encode()).split('\r\n').sort();
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'BAD_HEADER');
    return ['refused'];
  }
}

describe('headers of a message to be sent', () => {
  const anyName = fc.oneof(
    fc.constantFrom('ce-id', 'Nats-Msg-Id', 'traceparent'),
    fc.string({ minLength: 1 }),
  );
  const anyFields = fc.dictionary(anyName, fc.string({ unit: 'binary' }), { noNullPrototype: true });
  const goodName = fc.constantFrom('ce-id', 'ce-type', 'Nats-Msg-Id', 'traceparent', 'x!~');
  const goodValue = fc.string({ unit: 'grapheme' });
  const goodFields = fc.dictionary(goodName, goodValue, { minKeys: 1, noNullPrototype: true });

  it('are written, or refused, as the client would', () => {
    fc.assert(
      fc.property(fc.oneof(anyFields, goodFields), goodFields, (others, own) => {
        assert.deepEqual(
          written(() => wireHeaders(others, own)),
          written(() => byTheClient(others, own)),
        );
      }),
    );
  });

  it('keep the own one of two with the same name', () => {
    const sent = written(() => wireHeaders({ 'ce-id': 'theirs', other: 'kept' }, { 'ce-id': 'own' }));
    assert.deepEqual(sent, ['', '', 'NATS/1.0', 'ce-id: own', 'other: kept']);
  });

  it('refuse a line break, which would end the header', () => {
    assert.deepEqual(
      written(() => wireHeaders({ 'ce-id': 'a\r\nNats-Rollup: all' }, {})),
      ['refused'],
    );
  });
});
