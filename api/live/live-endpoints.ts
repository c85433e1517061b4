import type { Request } from 'express';
import { z } from 'zod';
import { OrderSystemError } from '../../domain/errors.ts';
import type { DomainEvent, OrderEvent } from '../../domain/events.ts';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { eventOrNothing } from '../../messaging/event-message.ts';
import type { StreamFollower } from '../../messaging/follow-stream.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import type { Logger } from '../../platform/logger.ts';
import { actsForOthers } from '../auth/ownership.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import type { HttpStackDeps } from '../http-stack.ts';
import { requireOrder, type QueryDeps } from '../queries/query-endpoints.ts';
import { validate } from '../validation.ts';
import { copiesFor } from '../reading/prepare-reading.ts';
import { followEventsContract, followOrderContract } from './contracts.ts';
import { toCustomerEvent } from './customer-event.ts';
import type { SentEvent } from './event-frames.ts';
import { orderEventIdSchema, startOf, streamEventIdSchema } from './event-ids.ts';
import { createLiveConnections, type LiveConnections } from './live-connections.ts';

export interface LiveDeps {
  /** Absent: there is nothing to follow. */
  readonly live?: {
    readonly follower: Pick<StreamFollower, 'follow'>;
    readonly topology: Topology;
    readonly connections: LiveConnections;
  };
}

/** Events as they happen. */
export function createLiveEndpoints(deps: QueryDeps & LiveDeps & HttpStackDeps): Endpoint[] {
  const { logger } = deps;
  const { follower, topology, connections } = deps.live ?? nothingToFollow(deps);
  const follow: StreamFollower['follow'] = async (options) => {
    try {
      return await follower.follow(options);
    } catch (error) {
      throw new OrderSystemError('UNAVAILABLE', 'events cannot be followed now; connect again', {
        cause: error,
      });
    }
  };
  const eventsIn = readableIn(topology, logger);
  return [
    endpoint(followOrderContract, async ({ principal, params, query, request, response }) => {
      const { orderId } = await requireOrder(deps, principal, params.id, copiesFor(response));
      const after = Number(lastEventIdOf(request, orderEventIdSchema) ?? query.lastEventId ?? 0);
      const view: (event: OrderEvent) => object = actsForOthers(principal)
        ? (event) => event
        : toCustomerEvent;
      const { path: route } = followOrderContract;
      await connections.serve({ route, principal, request, response }, async (signal) => {
        // A version may be anywhere in the stream, and there more than once; an order has some ten.
        const subjects = [topology.eventsOf(orderId)];
        const { messages } = await follow({ subjects, after: () => 0, signal });
        return orderEvents(eventsIn(messages), after, view);
      });
    }),

    endpoint(followEventsContract, async ({ principal, query, request, response }) => {
      const { type, from } = query;
      const lastEventId = lastEventIdOf(request, streamEventIdSchema) ?? query.lastEventId;
      const subjects = type === undefined ? {} : { subjects: topology.eventsOfType(type) };
      const { path: route } = followEventsContract;
      await connections.serve({ route, principal, request, response }, async (signal) => {
        let isReset = false;
        const { created, messages } = await follow({
          ...subjects,
          after: (stream) => {
            const start = startOf(stream, lastEventId, from);
            ({ isReset } = start);
            return start.after;
          },
          signal,
        });
        return streamEvents(eventsIn(messages), created, isReset);
      });
    }),
  ];
}

/** @throws FieldProblem VALIDATION_FAILED */
function lastEventIdOf(request: Request, schema: z.ZodString): string | undefined {
  const given = request.get('Last-Event-ID');
  // Who has read no event yet may send it empty.
  const id = given === '' ? undefined : given;
  return validate(z.object({ 'Last-Event-ID': schema.optional() }), { 'Last-Event-ID': id })['Last-Event-ID'];
}

/** Versions tell what was sent already, however often the stream holds it. */
async function* orderEvents(
  events: AsyncIterable<Followed>,
  after: number,
  view: (event: OrderEvent) => object,
): AsyncGenerator<SentEvent> {
  let version = after;
  for await (const { event } of events) {
    if (event.aggregateType !== 'order' || event.aggregateVersion <= version) continue;
    version = event.aggregateVersion;
    yield { id: String(version), event: event.type, data: view(event) };
  }
}

async function* streamEvents(
  events: AsyncIterable<Followed>,
  created: string,
  isReset: boolean,
): AsyncGenerator<SentEvent> {
  const idOf = (sequence: number): string => `${created}/${sequence}`;
  if (isReset) {
    const reason = 'Last-Event-ID is of a stream that was replaced or set back; the present one follows';
    yield { id: idOf(0), event: 'reset', data: { reason, streamCreated: created } };
  }
  for await (const { event, streamSequence } of events)
    yield { id: idOf(streamSequence), event: event.type, data: event };
}

/** An event at its present schema version, with its place in the stream. */
interface Followed {
  readonly event: DomainEvent;
  readonly streamSequence: number;
}

/**
 * A message that this release cannot read is told to whoever runs the process and passed over: whoever follows would
 * otherwise be sent away from it again and again.
 */
const readableIn = (topology: Topology, logger: Logger) =>
  async function* (messages: AsyncIterable<StreamMessage>): AsyncGenerator<Followed> {
    for await (const message of messages) {
      const { streamSequence } = message;
      const event = eventOrNothing(topology, message, (error) => {
        logger.error({ err: error, streamSequence }, 'a message that somebody follows cannot be read');
      });
      if (event) yield { event, streamSequence };
    }
  };

const nothingToFollow = (deps: QueryDeps & HttpStackDeps): NonNullable<LiveDeps['live']> => ({
  follower: { follow: () => Promise.reject(new Error('this process follows no stream')) },
  topology: createTopology(),
  connections: createLiveConnections({ ...deps, limits: { connections: 1, perCaller: 1 } }),
});
