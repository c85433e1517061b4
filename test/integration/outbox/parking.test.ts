import assert from 'node:assert/strict';
import type { Knex } from '../../../db/connection.ts';
import { RowsRefusedError, StreamRefusedError } from '../../../db/outbox/errors.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { decideParked, listParked, listSetAside, type ParkedRow } from '../../../db/outbox/parking.ts';
import type { OutboxRow } from '../../../db/outbox/rows.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { MemoryStream, versionsByAggregate } from '../../support/memory-stream.ts';
import { silentObserver, testRelay } from '../../support/outbox-readers.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';

describe('an outbox row that cannot be published', () => {
  let database: TestDatabase;
  let db: Knex;
  let schema: string;
  let stream: MemoryStream;
  let count = 0;
  let stopRelay: () => Promise<void>;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
  });
  after(() => database.drop());
  beforeEach(async () => {
    schema = `parking_${++count}`;
    await installOutbox(db, { schema, shards: 1 });
    await createAggregates(db, schema);
    stream = new MemoryStream();
    stopRelay = () => Promise.resolve();
  });
  afterEach(() => stopRelay());

  /** Events of one aggregate, in a transaction of their own. @returns their ids */
  const write = (aggregate: number, events: number): Promise<string[]> =>
    db.transaction((trx) => writeEvents(trx, schema, aggregate, events));

  function startRelay(
    onFailure: (error: unknown) => void = (error) => {
      throw error;
    },
    onCaughtUp: (asOf: Date) => void = () => undefined,
  ): void {
    const stop = new AbortController();
    const relay = testRelay(db, schema, stream, {
      observer: {
        ...silentObserver,
        failed: (_shard, error) => {
          onFailure(error);
        },
        caughtUp: (_shard, asOf) => {
          onCaughtUp(asOf);
        },
      },
    });
    const ended = relay.run(stop.signal);
    ended.catch(() => undefined);
    stopRelay = async () => {
      stop.abort();
      await ended;
    };
  }

  const refuse = (...ids: (string | undefined)[]): void => {
    stream.beforePublish = (rows) =>
      rows.some(({ id }) => ids.includes(id))
        ? Promise.reject(new RowsRefusedError('too large'))
        : Promise.resolve();
  };
  const untilPublished = (ids: readonly string[]): Promise<true> =>
    eventually(
      () => Promise.resolve(ids.every((id) => stream.published.some((row) => row.id === id)) || undefined),
      { what: `${ids.length} rows are published, got ${stream.published.length}` },
    );
  const untilParked = (rows: number): Promise<ParkedRow[]> =>
    eventually(
      async () => {
        const parked = await listParked(db, { schema }, 10);
        return parked.length === rows ? parked : undefined;
      },
      { what: `${rows} rows are parked` },
    );
  const decide = (seq: string | undefined, decision: 'retry' | 'discard'): Promise<boolean> =>
    decideParked(db, { schema }, seq ?? '', { decision, operator: 'maria', reason: 'seen' });
  /** Versions of each aggregate as they lie in the stream, each once. */
  const order = (): number[][] => {
    const once = new Map<string, OutboxRow>();
    for (const row of stream.published) if (!once.has(row.id)) once.set(row.id, row);
    return [...versionsByAggregate([...once.values()]).values()];
  };

  it('is parked after three attempts with its cause; its aggregate waits behind it, and others go on', async () => {
    const [first, bad, ...behind] = await write(0, 4);
    refuse(bad);
    startRelay();
    const [parked] = await untilParked(1);
    const others = await write(1, 6);
    const more = await write(0, 2);
    await untilPublished([first ?? '', ...others]);
    assert.deepEqual(
      [parked?.id, parked?.cause, parked?.attempts],
      [bad, 'too large', { started: 3, finished: 3 }],
    );
    const held = [...behind, ...more];
    await eventually(
      async () => ((await listParked(db, { schema }, 10))[0]?.waiting === held.length ? true : undefined),
      { what: 'later rows wait' },
    );
    assert.ok(!stream.published.some(({ id }) => held.includes(id)));
  });

  it('holds back what was staged behind it', async () => {
    const ids = [...(await write(0, 1)), ...(await write(1, 6)), ...(await write(0, 1))];
    const staged: string[] = [];
    stream.onStage = (rows) => {
      staged.push(...rows.map(({ id }) => id));
    };
    refuse(ids[0]);
    startRelay();
    await untilPublished(ids.slice(1, 7));
    await eventually(async () => (await listParked(db, { schema }, 10))[0]?.waiting === 1 || undefined, {
      what: 'the later row waits',
    });
    assert.deepEqual(staged, ids.slice(4));
    assert.equal(stream.published.length, 6);
  });

  it('is published by a retry, and what waits behind it follows in order', async () => {
    const ids = await write(0, 6);
    refuse(ids[1]);
    startRelay();
    const [parked] = await untilParked(1);
    assert.equal(await decide(parked?.seq, 'retry'), true);
    // Still refused: it waits again.
    await untilParked(1);
    refuse();
    await decide(parked?.seq, 'retry');
    ids.push(...(await write(0, 3)));
    await untilPublished(ids);
    assert.deepEqual(order(), [[1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    const sent: { sent_at: Date | null }[] = await db
      .withSchema(schema)
      .table('outbox_messages')
      .select('sent_at');
    assert.ok(sent.every(({ sent_at }) => sent_at instanceof Date));
  });

  it('does not lower the position of its page when a row tried alone after another is a repeat', async () => {
    const [first, repeat] = [...(await write(0, 1)), ...(await write(1, 1))];
    refuse(...(await write(2, 1)));
    const publish = stream.publish.bind(stream);
    stream.publish = async (rows) => {
      const position = await publish(rows);
      return rows[0]?.id === repeat ? { ...position, lastSequence: 0 } : position;
    };
    startRelay();
    await untilParked(1);
    await stopRelay();
    assert.deepEqual(
      stream.published.map(({ id }) => id),
      [first, repeat],
    );
    const journal = await db.withSchema(schema).table('outbox_journal').select('stream_sequence');
    assert.deepEqual(
      journal.map(({ stream_sequence: at }: { stream_sequence: string }) => Number(at)),
      [1],
    );
  });

  it('is left out when it is discarded, and what waits behind it follows', async () => {
    const ids = await write(0, 5);
    refuse(ids[1]);
    startRelay();
    const [parked] = await untilParked(1);
    await decide(parked?.seq, 'discard');
    await untilPublished(ids.filter((id) => id !== ids[1]));
    assert.deepEqual(order(), [[1, 3, 4, 5]]);
    assert.equal(await decide(parked?.seq, 'retry'), false, 'it was decided before');
    const message: unknown = await db
      .withSchema(schema)
      .table('outbox_messages')
      .where({ seq: parked?.seq })
      .first('sent_at');
    assert.deepEqual(message, { sent_at: null });
  });

  it('two of one aggregate are parked one after the other', async () => {
    const ids = await write(0, 5);
    refuse(ids[1], ids[3]);
    startRelay();
    const [first] = await untilParked(1);
    await decide(first?.seq, 'discard');
    const [second] = await eventually(
      async () => {
        const rows = await listParked(db, { schema }, 10);
        return rows[0]?.id === ids[3] ? rows : undefined;
      },
      { what: 'the second is parked' },
    );
    await decide(second?.seq, 'discard');
    await untilPublished([ids[0] ?? '', ids[2] ?? '', ids[4] ?? '']);
    assert.deepEqual(order(), [[1, 3, 5]]);
  });

  it('that ends the process is found by its unfinished attempts', async () => {
    const ids = await write(0, 3);
    const others = await write(1, 3);
    let deaths = 0;
    /** A relay that dies in the middle of a page neither finishes an attempt nor hands over. */
    const dieOnce = async (): Promise<void> => {
      const dead = new Promise<void>((resolve) => {
        stream.beforePublish = (rows) => {
          if (!rows.some(({ id }) => id === ids[1])) return Promise.resolve();
          resolve();
          return new Promise(() => undefined);
        };
      });
      startRelay();
      await Promise.race([dead, untilParked(1).catch(() => undefined)]);
    };
    while ((await listParked(db, { schema }, 10)).length === 0 && deaths < 12) {
      await dieOnce();
      deaths += 1;
    }
    const [parked] = await untilParked(1);
    assert.ok(parked);
    assert.equal(parked.id, ids[1]);
    assert.match(parked.cause, /ended 3 times/);
    stream.beforePublish = () => Promise.resolve();
    await untilPublished([ids[0] ?? '', ...others]);
    assert.ok(parked.attempts.started - parked.attempts.finished >= 3);
  });

  it('while the stream is away nothing is parked, however often it fails', async () => {
    const ids = await write(0, 3);
    let refusals = 8;
    stream.beforePublish = () =>
      refusals-- > 0 ? Promise.reject(new Error('no route to the stream')) : Promise.resolve();
    startRelay(() => undefined);
    await untilPublished(ids);
    assert.deepEqual(await listParked(db, { schema }, 10), []);
    assert.deepEqual(order(), [[1, 2, 3]]);
  });

  const noRoom = new StreamRefusedError('no room', { mayBeOneRow: false });
  const unknown = new StreamRefusedError('error 12345', { mayBeOneRow: true });

  for (const [what, refusal] of Object.entries({
    'has no room': noRoom,
    'refuses all for an unknown reason': unknown,
  }))
    it(`while the stream ${what} nothing is parked, and all is published in order when that is over`, async () => {
      let refusals = 0;
      stream.beforePublish = () => {
        refusals += 1;
        return Promise.reject(refusal);
      };
      const ids = [...(await write(0, 3)), ...(await write(1, 3))];
      startRelay(() => undefined);
      await eventually(() => Promise.resolve(refusals > 40 || undefined), { what: 'it is tried again' });
      assert.deepEqual(await listParked(db, { schema }, 10), []);
      ids.push(...(await write(2, 3)));
      refuse();
      await untilPublished(ids);
      assert.deepEqual(order(), [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ]);
    });

  it('is parked when the stream keeps refusing it, for whatever reason, while its neighbours pass', async () => {
    const [bad, ...behind] = await write(0, 2);
    const refusedAfter: number[] = [];
    stream.beforePublish = (rows) => {
      if (!rows.some(({ id }) => id === bad)) return Promise.resolve();
      if (rows.length === 1) refusedAfter.push(stream.published.length);
      return Promise.reject(unknown);
    };
    const neighbours = await write(1, 2);
    startRelay();
    await untilPublished(neighbours);
    const [parked] = await eventually(
      async () => {
        neighbours.push(...(await write(1, 1)));
        const rows = await listParked(db, { schema }, 10);
        return rows.length > 0 ? rows : undefined;
      },
      { what: 'the row is parked' },
    );
    assert.deepEqual([parked?.id, parked?.cause, parked?.waiting], [bad, 'error 12345', behind.length]);
    assert.ok(new Set(refusedAfter).size >= 5, 'others were published between its refusals');
    refuse();
    await decide(parked?.seq, 'retry');
    await untilPublished([bad ?? '', ...behind, ...neighbours]);
    assert.deepEqual(order()[1], [1, 2]);
  });

  it('is not parked while it has no neighbours, and does not keep others from being published', async () => {
    const [lone = ''] = await write(0, 1);
    const told: Date[] = [];
    stream.beforePublish = (rows) =>
      rows.some(({ id }) => id === lone) ? Promise.reject(unknown) : Promise.resolve();
    startRelay(
      () => undefined,
      (asOf) => told.push(asOf),
    );
    await eventually(
      async () =>
        (await db.withSchema(schema).table('outbox_parked').where({ state: 'RETRY' })).length === 1 ||
        undefined,
      { what: 'the row is set aside' },
    );
    assert.deepEqual(await listParked(db, { schema }, 10), []);
    const [listed] = await listSetAside(db, { schema }, 10);
    assert.deepEqual([listed?.id, listed?.cause], [lone, 'error 12345']);
    const setAside = new Date();
    await untilPublished(await write(1, 1));
    assert.deepEqual(
      told.filter((asOf) => asOf > setAside),
      [],
      'not all that is committed is published',
    );
    refuse();
    await untilPublished([lone]);
    await eventually(() => Promise.resolve(told.length > 0 || undefined), {
      what: 'the relay has caught up',
    });
  });

  it('is parked after 600 refusals also while it has no neighbours, one at a time', async () => {
    const ids = [...(await write(0, 1)), ...(await write(1, 1))];
    stream.beforePublish = () => Promise.reject(unknown);
    startRelay(() => undefined);
    const setAside = async (): Promise<number> =>
      (await db.withSchema(schema).table('outbox_parked').where({ state: 'RETRY' })).length;
    await eventually(async () => (await setAside()) === 2 || undefined, {
      what: 'both are set aside',
    });
    const attempts = db.withSchema(schema).table('outbox_attempts');
    await eventually(async () => (await attempts.clone().update({ refused: 600 })) === 2 || undefined, {
      what: 'both were refused for long',
    });
    const parked = await untilParked(1);
    assert.deepEqual(
      parked.map(({ cause }) => cause),
      ['error 12345'],
    );
    assert.ok(parked.every(({ id }) => ids.includes(id)));
    assert.equal(await setAside(), 1, 'the other one is tried on');
  });

  it('that was published after all is published again when the stream has lost it', async () => {
    const ids = await write(0, 4);
    refuse(ids[1]);
    startRelay();
    const [parked] = await untilParked(1);
    const others = await write(1, 4);
    await untilPublished(others);
    refuse();
    await decide(parked?.seq, 'retry');
    await untilPublished(ids);
    await stopRelay();
    // The tail with the late rows is gone; the pages before it are still there.
    stream.published.length = 5;
    startRelay();
    await untilPublished(ids);
    assert.deepEqual(order()[0], [1, 2, 3, 4]);
  });
});
