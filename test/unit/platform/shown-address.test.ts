import assert from 'node:assert/strict';
import { shownAddress } from '../../../platform/shown-address.ts';

describe('the address of a server in a terminal', () => {
  const shown: Readonly<Record<string, string>> = {
    'postgres://u:secret@host:5432/db': 'postgres://u@host:5432/db',
    'postgres://host/db?password=secret&sslmode=require': 'postgres://host/db',
    'postgres:///db?user=u&password=secret&host=/run/postgresql': 'postgres:///db?host=/run/postgresql',
    'postgres://u:secret@/db?host=/run/postgresql': 'postgres://…@/db?host=/run/postgresql',
    'postgres://u:secret@/db?password=secret': 'postgres://…@/db',
    'postgres://u:secret?secret@secret@/db': 'postgres://…@/db',
    'nats://u:secret@a:4222,nats://u:secret@b:4222': 'nats://…@b:4222',
    'nats://a:4222,nats://b:4222': 'nats://a:4222,nats://b:4222',
    '127.0.0.1:7233': '127.0.0.1:7233',
    'temporal.test:7233': 'temporal.test:7233',
  };
  for (const [address, expected] of Object.entries(shown))
    it(`has no password, whether it can be parsed or not: ${expected} (of ${address.length} characters)`, () => {
      assert.equal(shownAddress(address), expected);
    });
});
