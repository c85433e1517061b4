import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storedEvents } from '../../dev/event-docs.ts';
import { brokenPromises, presentShapes, type Shapes } from '../../dev/published-shapes.ts';
import { parseEvent, releasedVersions, type DomainEvent } from '../../domain/events.ts';

const folder = import.meta.dirname;

const releasedNames = [...releasedVersions].flatMap(([type, versions]) =>
  versions.map((_, index) => `${type}.v${index + 1}`),
);

describe('events that were written by any release', () => {
  let stored: Record<string, DomainEvent>;
  let published: Shapes;

  before(async () => {
    stored = (await storedEvents(join(folder, 'events'))) as typeof stored;
    published = JSON.parse(await readFile(join(folder, 'published-shapes.json'), 'utf8')) as Shapes;
  });

  it('every released version has an event that was written in it', () => {
    const missing = releasedNames.filter((name) => !Object.hasOwn(stored, name));
    assert.deepEqual(missing, [], 'put an event as it was written into test/replay/events/<Type>.vN.json');
    for (const [name, { type, schemaVersion }] of Object.entries(stored))
      assert.equal(`${type}.v${schemaVersion}`, name, `test/replay/events/${name}.json holds another event`);
  });

  for (const name of releasedNames) {
    it(`${name} is read as its present version, with all that it said`, () => {
      const written = stored[name];
      assert.ok(written, `test/replay/events/${name}.json is missing`);
      const { schemaVersion, data, ...envelope } = parseEvent(written);
      const { schemaVersion: _version, data: saidThen, ...writtenEnvelope } = written;
      assert.equal(schemaVersion, releasedVersions.get(written.type)?.length);
      assert.deepEqual(envelope, writtenEnvelope);
      assert.deepEqual({ ...data, ...saidThen }, data);
    });
  }

  it('a decision from before waivers took two operators is one that nobody else asked for', () => {
    const event = parseEvent(stored['StuckResolved.v1']);
    assert.equal(event.type === 'StuckResolved' && event.data.waiver, null);
  });

  it('a published shape never changes', () => {
    assert.deepEqual(brokenPromises(published, presentShapes()), []);
  });

  it('what is released is published', () => {
    assert.deepEqual(Object.keys(published), ['envelope', ...releasedNames], 'run: npm run docs');
  });

  it('a shape that is changed or gone is named, with what to do instead', () => {
    const { 'StuckResolved.v1': _gone, ...present } = presentShapes();
    const changed = { ...present, 'OrderCreated.v1': { ...present['OrderCreated.v1'], required: [] } };
    const [created = '', resolved = '', ...others] = brokenPromises(published, changed);
    assert.match(created, /OrderCreated\.v1 is published.* as OrderCreated\.v2 with an upcaster/);
    assert.match(resolved, /StuckResolved\.v1 is published and never changes: put it back/);
    assert.deepEqual(others, []);
  });
});
