import type { RootHookObject } from 'mocha';
import { documented } from './documented-fetch.ts';
import { stopServers } from './servers.ts';
import { useNamedTemporalProfile } from '../../platform/config.ts';

const { fetch } = globalThis;

// Processes that tests start must not follow the developer's own configuration file of Temporal.
useNamedTemporalProfile();

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
