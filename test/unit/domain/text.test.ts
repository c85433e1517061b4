import assert from 'node:assert/strict';
import { text } from '../../../domain/text.ts';

describe('what people write', () => {
  const schema = text(5);
  const fits = (given: string): boolean => schema.safeParse(given).success;

  it('is measured in characters as people count them, blanks around it included', () => {
    assert.ok(fits('😀😀😀😀😀'));
    assert.ok(!fits('😀😀😀😀😀😀'));
    assert.ok(!fits('abc   '));
    assert.equal(schema.parse(' ab '), 'ab');
  });

  it('is one line that PostgreSQL can keep', () => {
    for (const refused of ['', '   ', 'a\nb', 'a\u0000', 'a\u0085b', 'a\ud800b', '\udc00'])
      assert.ok(!fits(refused));
    assert.ok(fits('für 5'));
  });
});
