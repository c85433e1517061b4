import assert from 'node:assert/strict';
import { join } from 'node:path';
import specs from '@asyncapi/specs';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';
import { storedEvents } from '../../../dev/event-docs.ts';
import { toMessage } from '../../../activities/outbox-relay/stream-publisher.ts';
import { toOutboxEvent } from '../../../db/event-store.ts';
import { releasedVersions, type DomainEvent } from '../../../domain/events.ts';
import { createTopology } from '../../../domain/topology.ts';
import {
  driftOfEvent,
  driftOfMessage,
  eventDocument,
  type WireMessage,
} from '../../support/event-document.ts';
import { projectRoot } from '../../support/project-root.ts';

/** As the relay sends it. */
function asSent(event: DomainEvent): WireMessage {
  const row = { ...toOutboxEvent(event), payload: JSON.stringify(event), seq: '1' };
  const { id, subject, body, headers } = toMessage(row, createTopology());
  return { subject, body, headers: { ...headers, 'Nats-Msg-Id': id } };
}

describe('docs/asyncapi.yaml', () => {
  let stored: DomainEvent[];

  before(async () => {
    stored = Object.values(await storedEvents(join(projectRoot, 'test/replay/events'))) as DomainEvent[];
  });

  it('is an AsyncAPI 3.0 document', () => {
    // The official schema brings the draft 7 that it refers to.
    const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
    addFormats.default(ajv);
    const validate = ajv.compile(specs.schemas['3.0.0'] as AnySchema);
    assert.ok(validate(eventDocument), JSON.stringify(validate.errors));
  });

  it('has every version that was ever released, and says which are not written any more', () => {
    const expected = [...releasedVersions].flatMap(([type, versions]) =>
      versions.map((_, index) => [`${type}.v${index + 1}`, index + 1 < versions.length]),
    );
    const messages = Object.entries(eventDocument.components.messages);
    assert.deepEqual(
      messages.map(([name, { payload }]) => [name, payload.deprecated ?? false]),
      expected,
    );
  });

  it('describes subject, headers and body of every event that was ever written', () => {
    for (const event of stored) assert.deepEqual(driftOfMessage(asSent(event)), [], event.type);
  });

  it('refuses what is not as it says', () => {
    const [event] = stored;
    assert.ok(event);
    const { subject, headers, body } = asSent(event);
    const { 'ce-id': _id, ...without } = headers;
    assert.match(driftOfMessage({ subject, headers: without, body }).join(), /'ce-id'/);
    assert.match(
      driftOfMessage({ subject, headers: { ...headers, 'ce-colour': 'red' }, body }).join(),
      /ce-colour/,
    );
    assert.match(driftOfMessage({ subject: `products.${subject}`, headers, body }).join(), /no channel/);
    assert.match(driftOfEvent({ ...event, surprise: 1 } as never).join(), /additional properties/);
    assert.match(driftOfEvent({ ...event, schemaVersion: 9 }).join(), /v9 is not in the document/);
  });
});
