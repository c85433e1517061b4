/** Names that several processes must agree on: stream, subjects, partitions, task queues, workflow ids. */

/** Subject partitions. Fixed for the life of a stream: changing it would move orders between partitions. */
export const PARTITIONS = 8;

/** Relay owners. Fixed for the life of an outbox: changing it would let two relays publish one order's events. */
export const OUTBOX_SHARDS = 2;

/** Temporal task queue of the sagas and their activities. */
export const SAGA_TASK_QUEUE = 'orders';
/** Temporal task queue of the relay workflows and activities. */
export const RELAY_TASK_QUEUE = 'outbox-relay';

export const orderWorkflowId = (orderId: string): string => `order-${orderId}`;
export const shipmentWorkflowId = (orderId: string): string => `shipment-${orderId}`;
/** Where the Temporal Web UI shows a workflow's latest run: the parts of the path below the UI's base address. */
export const workflowPath = (namespace: string, workflowId: string): readonly string[] => [
  'namespaces',
  namespace,
  'workflows',
  workflowId,
];
export const relayWorkflowId = (shard: number): string => `outbox-relay-${shard}`;
/** Temporal schedule, and the workflows that it starts, that keep the partitions of the outbox. */
export const HOUSEKEEPING_SCHEDULE_ID = 'outbox-partitions';
/** The same for idempotency keys that have expired. */
export const KEYS_SCHEDULE_ID = 'idempotency-keys';
/** The same for the comparison of write side, outbox, stream and read tables. */
export const AUDIT_SCHEDULE_ID = 'audit';
/** The same for the search for orders that have lost their saga. */
export const SAGA_WATCH_SCHEDULE_ID = 'saga-watch';

/** Search attributes (all keywords) that every saga sets; registered by the worker before it polls. */
export const SEARCH_ATTRIBUTES = {
  orderStatus: 'OrderStatus',
  cancelReason: 'CancelReason',
  /** Set while the saga waits for an operator. */
  stuckCause: 'StuckCause',
} as const;

/** What keeps its order in the stream: an order, or a product together with its stock. */
interface SubjectAggregate {
  readonly type: 'order' | 'product';
  readonly id: string;
}

/** JetStream names under a prefix ('' in production); a prefix lets tests share one server. */
export interface Topology {
  readonly stream: string;
  /** Subjects that the stream holds. */
  readonly streamSubjects: readonly string[];
  /** `orders.<partition>.<EventType>.<orderId>`, or `products.…` for products and stock. */
  subjectOf(event: { aggregateType: string; aggregateId: string; type: string }): string;
  /** The partition that a subject of the stream names; 0 for one that names none, so that somebody looks at it. */
  partitionIn(subject: string): number;
  /** Whose events are under a subject of the stream; undefined for one that names nobody. */
  aggregateIn(subject: string): SubjectAggregate | undefined;
  /** Filter for all events of orders, or of products and their stock, in one partition. */
  subjectsIn(kind: 'orders' | 'products', partition: number): string;
  /** Filters for everything that the relay of an outbox shard publishes. */
  subjectsOfShard(shard: number): readonly string[];
  /** Filter for all events of one order. */
  eventsOf(orderId: string): string;
  /** Filter for one event type of all orders. */
  ordersOfType(type: string): string;
  /** Filters for one event type, whatever it is about. */
  eventsOfType(type: string): readonly string[];
  /** Durable consumer that starts order sagas. */
  readonly orderSagaStarter: string;
  /** Durable consumer that starts shipment sagas. */
  readonly shipmentSagaStarter: string;
  /** Core NATS subject on which the relay of a shard tells up to when everything is in the stream. */
  relayed(shard: number): string;
  /** Core NATS subject on which projectors tell what has become visible in the views. */
  readonly applied: string;
  /** Core NATS subject on which a writer wakes the relay of a shard after its commit. */
  nudge(shard: number): string;
}

export function createTopology(prefix = ''): Topology {
  const rootOf = (aggregateType: string): string =>
    `${prefix}${aggregateType === 'order' ? 'orders' : 'products'}`;
  return {
    stream: `${prefix}ORDERS`,
    streamSubjects: [`${prefix}orders.>`, `${prefix}products.>`],
    subjectOf: ({ aggregateType, aggregateId, type }) =>
      `${rootOf(aggregateType)}.${partitionOf(aggregateId)}.${type}.${aggregateId}`,
    partitionIn: (subject) => {
      const partition = Number(subject.slice(prefix.length).split('.')[1]);
      return Number.isInteger(partition) && partition > 0 && partition < PARTITIONS ? partition : 0;
    },
    aggregateIn: (subject) => {
      const [root, partition, type, id, ...more] = subject.slice(prefix.length).split('.');
      if (!type || !id || more.length > 0 || partition !== String(partitionOf(id))) return undefined;
      if (root === 'orders') return { type: 'order', id };
      return root === 'products' ? { type: 'product', id } : undefined;
    },
    subjectsIn: (kind, partition) => `${prefix}${kind}.${partition}.>`,
    // A shard has whole partitions, because the number of shards divides the number of partitions.
    subjectsOfShard: (shard) =>
      Array.from({ length: PARTITIONS / OUTBOX_SHARDS }, (_, index) => shard + index * OUTBOX_SHARDS).flatMap(
        (partition) => ['orders', 'products'].map((kind) => `${prefix}${kind}.${partition}.>`),
      ),
    eventsOf: (orderId) => `${prefix}orders.${partitionOf(orderId)}.*.${orderId}`,
    ordersOfType: (type) => `${prefix}orders.*.${type}.*`,
    eventsOfType: (type) => ['order', 'product'].map((root) => `${rootOf(root)}.*.${type}.*`),
    orderSagaStarter: `${prefix}order-saga-starter`,
    shipmentSagaStarter: `${prefix}shipment-saga-starter`,
    relayed: (shard) => `${prefix}outbox-relayed.${shard}`,
    applied: `${prefix}projections-applied`,
    nudge: (shard) => `${prefix}outbox-nudge.${shard}`,
  };
}

export const partitionOf = (aggregateId: string): number => fnv1a(aggregateId) % PARTITIONS;
export const shardOf = (aggregateId: string): number => fnv1a(aggregateId) % OUTBOX_SHARDS;

/** 32-bit FNV-1a over UTF-16 code units; ids are ASCII, so bytes and code units are the same. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
