import type { Scenario } from '../scenario.ts';
import { lostSaga } from './lost-saga.ts';
import { relayGone } from './relay-gone.ts';
import { temporalLost } from './temporal-lost.ts';

/** By the titles of the sections. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'An order has lost its saga': lostSaga,
  'The relay is gone': relayGone,
  "Temporal's database is lost": temporalLost,
};
