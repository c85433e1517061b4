import assert from 'node:assert/strict';
import { StartError } from '../../../dev/servers/progress.ts';
import { parseTokenArguments } from '../../../dev/token-arguments.ts';

describe('npm run token', () => {
  it('takes several roles, a customer, a name and how long it is good', () => {
    assert.deepEqual(
      parseTokenArguments(
        ['--role', 'operator', '--role', 'customer', '--customer', 'customer-1'].concat(
          ['--subject', 'maria'],
          ['--expires', '90s'],
        ),
      ),
      { roles: ['operator', 'customer'], customerId: 'customer-1', subject: 'maria', expiresInS: 90 },
    );
  });

  it('is good for an hour, for somebody called demo, unless told otherwise', () => {
    assert.deepEqual(parseTokenArguments(['--role', 'analyst']), {
      roles: ['analyst'],
      customerId: undefined,
      subject: 'demo',
      expiresInS: 3_600,
    });
  });

  it('shows how it is used when asked', () => {
    assert.equal(parseTokenArguments(['--help']), undefined);
  });

  const wrong: [args: string[], reason: RegExp][] = [
    [[], /^--role is missing/],
    [['--role', 'boss'], /^--role boss is not known; it can be customer, operator, analyst, admin/],
    [['--role', 'customer'], /^--role customer needs --customer/],
    [['--role', 'customer', '--customer', 'a b'], /^--customer must be 1 to 64/],
    [['--role', 'admin', '--subject', ''], /^--subject must have 1 to 100/],
    [['--role', 'admin', '--subject', 'a\nb'], /^--subject must have/],
    [['--role', 'admin', '--expires', 'soon'], /^--expires soon is no time/],
    [['--role', 'admin', '--expires', '0s'], /^--expires 0s is no time/],
    [['--rol', 'admin'], /'--rol'/],
    [['operator'], /'operator'/],
  ];
  for (const [args, reason] of wrong)
    it(`says what is wrong with [${args.join(' ').replace('\n', '\\n')}], and how it is used`, () => {
      assert.throws(
        () => parseTokenArguments(args),
        (error: unknown) => {
          assert.ok(error instanceof StartError);
          assert.match(error.message, reason);
          return error.message.includes('npm run --silent token -- --role ROLE');
        },
      );
    });
});
