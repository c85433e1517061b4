import assert from 'node:assert/strict';
import { excerptsOf, withParts } from '../../../dev/page-parts.ts';
import { diagramOf, sagaParts, stepTableOf } from '../../../dev/saga-docs.ts';
import { orderSagaSteps, type Saga } from '../../../domain/saga-steps.ts';

const { reserve, charge, complete } = orderSagaSteps.steps;
const withBooking = {
  ...orderSagaSteps,
  steps: {
    reserve,
    book: { name: 'book courier', call: 'bookCarrier', undo: 'cancelBooking' },
    charge,
    complete,
  },
} as const satisfies Saga;
const place = (name: string): string => `<!-- generated: ${name} -->\n<!-- /generated -->\n`;

describe('the generated parts of docs/sagas.md', () => {
  it('show the way back from each step that can fail, last done first', () => {
    const lines = diagramOf(withBooking)
      .split('\n')
      .map((line) => line.trim());
    for (const line of [
      'reserve -->|RESERVED| book',
      'charge -. fails, or is cancelled .-> undo_beginUndo_refundPayment_cancelBooking_releaseInventory_cancelOrder',
      'undo_cancelBooking_releaseInventory_cancelOrder -.-> undo_releaseInventory_cancelOrder',
      'undo_cancelOrder -.-> undone',
    ])
      assert.ok(lines.includes(line), line);
  });

  it('name a step, what it calls, its tries and what undoes it', () => {
    assert.match(
      stepTableOf(withBooking),
      /\| book courier \| .*`bookCarrier`.* \| until done \| .*`cancelBooking`/,
    );
  });

  it('change with a definition, so that a page that was not generated again is found', async () => {
    const page = [...sagaParts().keys()].map(place).join('\n');
    const before = await withParts(page, sagaParts());
    assert.notEqual(before, page);
    assert.equal(await withParts(before, sagaParts()), before);
    assert.notEqual(await withParts(before, sagaParts(withBooking)), before);
  });

  it('must all have a place in the page, and every place a part', async () => {
    await assert.rejects(withParts('', new Map([['a', 'text']])), /no place .*: a/);
    await assert.rejects(withParts(place('b'), new Map()), /nothing generates "b"/);
  });

  it('quote a file between its marks', () => {
    assert.deepEqual(
      [...excerptsOf('x\n// doc: a\nconst a = 1;\n// end doc\ny\n// doc: b\n\nb;\n// end doc\n')],
      [
        ['a', '```ts\nconst a = 1;\n```'],
        ['b', '```ts\nb;\n```'],
      ],
    );
  });

  it('begin with the name of the file and its imports, as they are where a reader puts it', () => {
    const quoted = {
      path: 'test/walks/a.ts',
      places: new Map([
        ['test/walks/a.ts', 'workflows/a.ts'],
        ['test/walks/b.ts', 'shop/b.ts'],
      ]),
    };
    const file = `import type { Unused } from 'x';
import whole, { used, type Kind as K } from '../../domain/kinds.ts';
import { other } from './b.ts';

// doc: one
used(other) as K;
// end doc
// doc: two
more;
// end doc
`;
    assert.deepEqual(
      [...excerptsOf(file, quoted).values()],
      [
        "```ts\n// workflows/a.ts\nimport { used, type Kind as K } from '../domain/kinds.ts';\nimport { other } from '../shop/b.ts';\n\nused(other) as K;\n```",
        '```ts\nmore;\n```',
      ],
    );
  });

  it('end where the file says so', () => {
    assert.throws(() => excerptsOf('// doc: part\nconst a = 1;\n'), /"part" does not end/);
  });
});
