import type { OutboxRow } from '../../db/outbox/window.ts';
import type { Publisher, StreamPosition } from '../../db/outbox/relay.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { publishInOrder, type OutgoingMessage } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';

interface Deps {
  readonly messaging: Messaging;
  readonly topology: Topology;
  /** Told how each page went out: one atomic batch, or one message at a time because of repeats in it. */
  readonly onPage: (wasBatch: boolean) => void;
}

/**
 * Publishes outbox rows to the stream. Each loss of the connection, and each answer that shows the stream went
 * back, is an error: the relay then looks again where the stream is before it publishes on.
 */
export function createStreamPublisher({ messaging, topology, onPage }: Deps): Publisher {
  let known: (StreamPosition & { connections: number }) | undefined;

  return {
    get lastPosition() {
      return known;
    },

    position: async () => {
      const { connections } = messaging;
      const state = await ensureStream(messaging.require(), topology);
      known = { ...state, connections };
      return state;
    },

    publish: async (rows) => {
      const connection = messaging.require();
      if (known?.connections !== messaging.connections) {
        throw new Error('the connection to NATS was lost; looking again where the stream is');
      }
      const { lastSequence, wasBatch } = await publishInOrder(
        connection,
        rows.map((row) => toMessage(row, topology)),
      );
      onPage(wasBatch);
      // A repeat is answered with the sequence it had before, so only a batch must lie beyond what was known.
      if (wasBatch && lastSequence <= known.lastSequence) {
        throw new Error(
          `the stream went back: a batch ended at ${lastSequence}, ${known.lastSequence} was known`,
        );
      }
      known = { ...known, lastSequence: Math.max(known.lastSequence, lastSequence) };
      return { created: known.created, lastSequence };
    },
  };
}

/** The payload is the event itself; CloudEvents 1.0 attributes are headers, as its NATS binding has them. */
export function toMessage(row: OutboxRow, topology: Topology): OutgoingMessage {
  const { id, eventType, aggregateType, aggregateId, aggregateVersion } = row;
  return {
    id,
    subject: topology.subjectOf({ aggregateType, aggregateId, type: eventType }),
    body: JSON.stringify(row.payload),
    headers: {
      ...row.headers,
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-type': eventType,
      'ce-source': `/durable-orders/${aggregateType}s`,
      'ce-subject': aggregateId,
      'ce-sequence': String(aggregateVersion),
      'ce-datacontenttype': 'application/json',
    },
  };
}
