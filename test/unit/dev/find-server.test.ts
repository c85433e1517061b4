import assert from 'node:assert/strict';
import { findServer, NotThere, type Way } from '../../../dev/servers/find-server.ts';
import { isOlder } from '../../../dev/servers/ways.ts';

const finds = (name: string, path: string): Way => ({ name, find: () => Promise.resolve(path) });
const fails = (name: string, error: Error): Way => ({ name, find: () => Promise.reject(error) });
const search = (ways: Way[], lines: string[] = []): Promise<string> =>
  findServer(
    { server: 'nats-server', ways, advice: 'Install it.' },
    { progress: (line) => lines.push(line) },
  );

describe('finding a server', () => {
  it('takes the first way that leads to one, and tells which open way failed', async () => {
    const lines: string[] = [];
    const ways = [
      fails('on PATH', new NotThere('not there')),
      fails('download', new Error('no route')),
      finds('go install', '/cache/nats'),
    ];
    assert.equal(await search(ways, lines), '/cache/nats');
    assert.deepEqual(lines, ['nats-server: download: no route']);
  });

  it('where none leads there, it names each way with its reason and what to install', async () => {
    const ways = [fails('on PATH', new NotThere('not there')), fails('download', new Error('no route'))];
    await assert.rejects(
      search(ways),
      /nats-server cannot be found[^]*on PATH: not there[^]*download: no route[^]*Install it\./,
    );
  });

  it('compares versions by number', () => {
    assert.equal(isOlder('2.9.0', '2.12.0'), true);
    assert.equal(isOlder('2.12.0', '2.12.0'), false);
    assert.equal(isOlder('3.0', '2.12.9'), false);
  });
});
