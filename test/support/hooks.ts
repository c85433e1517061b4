import type { RootHookObject } from 'mocha';
import { stopServers } from './servers.ts';

export const mochaHooks: RootHookObject = {
  afterAll: async function (this: Mocha.Context) {
    this.timeout(60_000);
    await stopServers();
  },
};
