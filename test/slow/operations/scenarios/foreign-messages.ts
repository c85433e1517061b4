import assert from 'node:assert/strict';
import { newId } from '../../../../platform/clock.ts';
import { eventually } from '../../../support/eventually.ts';
import { catalogue, placeBooked } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import { withNats } from '../../../support/stream.ts';
import type { Scenario } from '../scenario.ts';

/** Somebody has published what is no event; orders go on. */
export const foreignMessages: Scenario = {
  shows: { 'npm run parked -- list': /body: not JSON: 1/ },
  prepare: async () => {
    const { system, shell } = await startOperated();
    await listProducts(system.db, catalogue);
    const subject = system.topology.subjectOf({
      aggregateType: 'order',
      aggregateId: newId(),
      type: 'OrderCreated',
    });
    await withNats((connection) => connection.jetstream().publish(subject, 'this is not json'));
    await placeBooked(system);
    await eventually(
      async () => ((await system.db('read.parked_events').select('id')).length === 1 ? true : undefined),
      { what: 'the message is parked' },
    );
    return {
      env: shell,
      check: async () => {
        const metrics = await (await fetch(`${system.urls.worker}/metrics`)).text();
        assert.match(metrics, /^saga_starter_unreadable_total\{.*event="OrderCreated".*\} 1$/m);
      },
      close: () => system.close(),
    };
  },
};
