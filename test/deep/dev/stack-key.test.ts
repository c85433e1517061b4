import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../../../dev/servers/progress.ts';
import { readStackKey, stackAuthentication } from '../../../dev/stack-key.ts';
import { testDataDir } from '../../support/servers.ts';

describe('the key of a stack', () => {
  let dir: string;
  before(async () => {
    dir = join(await testDataDir(), 'stack-key');
  });

  it('is missed with what to do when the stack has never been started', async () => {
    await assert.rejects(readStackKey(dir), (error: unknown) => {
      assert.ok(error instanceof StartError);
      return error.message.includes('run npm start first');
    });
  });

  it('is made once, also by several at a time, and nobody else can read it', async () => {
    const settings = await Promise.all([1, 2, 3].map(() => stackAuthentication({}, dir)));
    settings.push(await stackAuthentication({}, dir));
    assert.equal(new Set(settings.map(({ AUTH_PUBLIC_KEY }) => AUTH_PUBLIC_KEY)).size, 1);
    assert.deepEqual(await readdir(join(dir, 'auth')), ['private-key.pem']);
    assert.equal((await stat(join(dir, 'auth', 'private-key.pem'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(dir, 'auth'))).mode & 0o777, 0o700);
  });

  it('is told to the processes as public key only', async () => {
    const settings = await stackAuthentication({}, dir);
    const secret = await readFile(join(dir, 'auth', 'private-key.pem'), 'utf8');
    assert.doesNotMatch(JSON.stringify(settings), /PRIVATE/);
    assert.equal(
      settings['AUTH_PUBLIC_KEY'],
      createPublicKey(secret).export({ type: 'spki', format: 'pem' }),
    );
  });

  it('steps back, with the demo user, where an identity provider is given', async () => {
    assert.deepEqual(await stackAuthentication({ AUTH_ISSUER: 'https://login.test' }, dir), {});
  });
});
