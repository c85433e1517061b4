import assert from 'node:assert/strict';
import { ErrorCode, NatsError, type NatsConnection } from 'nats';
import {
  createStreamPublisher,
  NothingStoredError,
} from '../../../activities/outbox-relay/stream-publisher.ts';
import { StreamRefusedError } from '../../../db/outbox/errors.ts';
import type { OutboxRow } from '../../../db/outbox/rows.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { outboxEvent } from '../../support/outbox-writers.ts';

const rows = (count: number): OutboxRow[] =>
  Array.from({ length: count }, (_, n) => ({
    ...outboxEvent(`a${n}`, 1),
    shard: 0,
    seq: String(n),
    payload: '{}',
  }));

describe('a publish without an answer', () => {
  let messaging: Messaging;
  let topology: Topology;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(() => {
    topology = newTopology();
  });

  /** What a server does whose disk is full, at once: the API answers, publishes get no answer. */
  function withoutAnswers(api: 'answers' | 'is silent', meanwhile?: () => Promise<unknown>): Messaging {
    const real = messaging.require();
    let isUnanswered = false;
    const request: NatsConnection['request'] = async (subject, ...rest) => {
      const isApi = subject.startsWith('$JS.API.');
      if (isApi && !(isUnanswered && api === 'is silent')) return real.request(subject, ...rest);
      if (!isApi) await meanwhile?.();
      isUnanswered = true;
      throw new NatsError(ErrorCode.Timeout, ErrorCode.Timeout);
    };
    const connection = new Proxy(real, {
      get: (target, name, proxy) => {
        if (name === 'request') return request;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(proxy) as unknown) : value;
      },
    });
    return new Proxy(messaging, {
      get: (target, name) =>
        name === 'require' ? () => connection : (Reflect.get(target, name, target) as unknown),
    });
  }
  const publish = async (on: Messaging, count: number): Promise<unknown> => {
    const publisher = createStreamPublisher({ messaging: on, topology, onPage: () => undefined });
    await publisher.position();
    return publisher.publish(rows(count));
  };

  for (const count of [1, 10])
    it(`names the server that answers and stores nothing, as with a full disk (${count} rows)`, async () => {
      await assert.rejects(publish(withoutAnswers('answers'), count), (error) => {
        assert.ok(error instanceof NothingStoredError);
        assert.match(error.message, /disk .*restart nats-server/);
        assert.equal(error.mayBeOneRow, false, 'no row is at fault');
        return true;
      });
    });

  it('is only that when the server does not answer anything, or when the stream goes on', async () => {
    const other = () => publish(messaging, 1);
    for (const on of [withoutAnswers('is silent'), withoutAnswers('answers', other)])
      await assert.rejects(publish(on, 1), (error) => {
        assert.ok(error instanceof StreamRefusedError && !(error instanceof NothingStoredError));
        assert.equal(error.message, 'the stream does not answer');
        return true;
      });
  });
});
