import type { RootHookObject } from 'mocha';
import { documented } from './documented-fetch.ts';
import { stopServers } from './servers.ts';

const { fetch } = globalThis;

export const mochaHooks: RootHookObject = {
  // Whatever a test asks an API for, the answer has to be as the OpenAPI document says.
  beforeAll: () => {
    globalThis.fetch = documented(fetch);
  },
  afterAll: async function (this: Mocha.Context) {
    this.timeout(60_000);
    globalThis.fetch = fetch;
    await stopServers();
  },
};
