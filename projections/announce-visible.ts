import type { Topology } from '../domain/topology.ts';
import { createAppliedAnnouncer } from '../messaging/applied.ts';
import type { Messaging } from '../messaging/connection.ts';
import type { ProjectorObserver } from './projector.ts';

/** Tells the query processes what they may no longer answer from a copy, and up to when their copies hold. */
export function announceVisible(messaging: Messaging, topology: Topology): ProjectorObserver['visible'] {
  const announce = createAppliedAnnouncer(messaging, topology);
  return ({ leases, events, heldUp, asOf }) => {
    const ids = events.flatMap(({ aggregateType, aggregateId }) =>
      aggregateType === 'order' ? [aggregateId] : [],
    );
    announce({
      writers: leases.map(({ partition, epoch }) => ({ partition, epoch })),
      orderIds: [...new Set([...ids, ...heldUp])],
      products: ids.length < events.length,
      asOf: asOf ?? null,
    });
  };
}
