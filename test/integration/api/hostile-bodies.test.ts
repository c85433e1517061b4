import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { createCommandApp } from '../../../api/command-app.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { commandSettings, httpDeps, noSagas } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';
import { rawRequest, sendRaw, type RawAnswer } from '../../support/raw-http.ts';

const order = { lines: [{ sku: 'COFFEE', quantity: 1 }], paymentMethod: 'pm_card_visa' };
const plain = Buffer.from(JSON.stringify(order));
const compressed = { gzip: gzipSync(plain), deflate: deflateSync(plain), br: brotliCompressSync(plain) };
const problem = (name: string): string => `urn:durable-orders:problem:${name}`;

describe('a body that cannot be read is the caller’s fault:', () => {
  let database: TestDatabase;
  let server: HttpServer;

  before(async () => {
    database = await createTestDatabase();
    await listProducts(database.db, [{ sku: 'COFFEE', onHand: 1_000 }]);
    const deps = { ...httpDeps(), db: database.db, clock: systemClock, sagas: noSagas };
    const { app } = createCommandApp({
      ...deps,
      nudge: () => undefined,
      ...commandSettings,
      // One at a time: a body that is not given back would block all that come after it.
      limits: { bodies: { atOnce: 1, withinMs: 2_000 } },
    });
    server = await listen(app, '127.0.0.1', 0);
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const send = (body: Buffer, headers: Record<string, string> = {}, path = '/orders'): Promise<RawAnswer> =>
    sendRaw(server.port, rawRequest('POST', path, { 'Content-Type': 'application/json', ...headers }, body));

  async function refused(answer: Promise<RawAnswer>, status: number, type: string): Promise<void> {
    const { status: found, body } = await answer;
    assert.equal(found, status, body);
    const { type: name, detail } = JSON.parse(body) as { type: string; detail: string };
    assert.equal(name, problem(type));
    assert.doesNotMatch(detail, /undefined|\[object/);
  }

  for (const [encoding, bytes] of Object.entries(compressed)) {
    it(`a body in ${encoding} is read`, async () => {
      assert.equal((await send(bytes, { 'Content-Encoding': encoding })).status, 202);
    });
    it(`a plain body that claims to be ${encoding} is refused`, () =>
      refused(send(plain, { 'Content-Encoding': encoding }), 400, 'malformed-json'));
    it(`a body in ${encoding} that ends too early is refused`, () =>
      refused(send(bytes.subarray(0, 20), { 'Content-Encoding': encoding }), 400, 'malformed-json'));
  }

  it('a small body that becomes a large one is refused as too large', async () => {
    const spaces = Buffer.alloc(20_000_000, ' ');
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(spaces)],
      ['deflate', deflateSync(spaces)],
      ['br', brotliCompressSync(spaces)],
    ] as const)
      await refused(send(bytes, { 'Content-Encoding': encoding }), 413, 'body-too-large');
  });

  for (const encoding of ['zstd', 'compress', 'gzip, gzip', 'x', 'identity, gzip'])
    it(`the encoding "${encoding}" is refused`, () =>
      refused(send(plain, { 'Content-Encoding': encoding }), 415, 'unsupported-media-type'));

  for (const charset of ['utf-16', 'utf-16le', 'utf-32', 'utf-7', '"utf-16"', 'iso-8859-1', 'utf-', 'x'])
    it(`the charset ${charset} is refused: only UTF-8 is taken`, () =>
      refused(
        send(plain, { 'Content-Type': `application/json; charset=${charset}` }),
        415,
        'unsupported-media-type',
      ));
  it('UTF-8 may be named, in capitals and in quotes', async () => {
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"'])
      assert.equal(
        (await send(plain, { 'Content-Type': `application/json; charset=${charset}` })).status,
        202,
      );
  });

  for (const type of ['text/plain', 'application/json;;;=', 'application/json; charset', '/', 'a b', ','])
    it(`the content type "${type}" is refused or read, and breaks nothing`, async () => {
      const { status, body } = await send(plain, { 'Content-Type': type });
      assert.ok(status === 202 || status === 400 || status === 415, body);
    });

  it('bytes that are not UTF-8 are refused, not replaced', async () => {
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf5, 0x80, 0x80, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"reason":"'), Buffer.from(bytes), Buffer.from('"}')]);
      await refused(send(body), 400, 'malformed-json');
      await refused(send(gzipSync(body), { 'Content-Encoding': 'gzip' }), 400, 'malformed-json');
    }
  });

  it('a body that is nested so deeply that writing it again would fail is refused', async () => {
    const deep = (levels: number): Buffer =>
      Buffer.from(`{"event":{"a":${'['.repeat(levels)}${']'.repeat(levels)}},"reason":"because"}`);
    const edit = '/operations/projections/parked/1/edit';
    for (const levels of [31, 30_000]) await refused(send(deep(levels), {}, edit), 400, 'malformed-json');
    await refused(send(deep(30), {}, edit), 409, 'not-parked');
    const text = Buffer.from(JSON.stringify({ event: { a: '[{'.repeat(100) }, reason: 'because' }));
    await refused(send(text, {}, edit), 409, 'not-parked');
  });

  it('a length that promises more than comes is waited for, and then refused', () =>
    refused(send(plain, { 'Content-Length': String(plain.length + 10) }), 408, 'request-timeout'));
  it('a length that promises less than comes is refused', async () => {
    assert.equal((await send(plain, { 'Content-Length': '10' })).status, 400);
  });
  it('a length that is none, and chunks that are none, are refused', async () => {
    for (const headers of [{ 'Content-Length': '1x' }, { 'Content-Length': '-1' }, { 'Content-Length': '' }])
      assert.equal((await send(plain, headers)).status, 400);
    const chunked = rawRequest('POST', '/orders', { 'Transfer-Encoding': 'chunked' });
    assert.equal((await sendRaw(server.port, Buffer.concat([chunked, Buffer.from('zz\r\n')]))).status, 400);
  });

  it('a caller who leaves in the middle of the body gives back its place', async () => {
    const head = rawRequest('POST', '/orders', {
      'Content-Type': 'application/json',
      'Content-Length': '1000',
    });
    for (let count = 0; count < 3; count++) {
      const socket = connect(server.port, '127.0.0.1');
      await new Promise((resolve) => socket.write(Buffer.concat([head, plain]), resolve));
      socket.destroy();
    }
    const placed = async (): Promise<true | undefined> => (await send(plain)).status === 202 || undefined;
    await eventually(placed, { what: 'a place for another body' });
  });
});
