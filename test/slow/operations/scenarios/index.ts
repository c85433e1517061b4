import type { Scenario } from '../scenario.ts';
import { deploymentGoneWrong } from './deployment-gone-wrong.ts';
import { failingSaga } from './failing.ts';
import { foreignMessages } from './foreign-messages.ts';
import { lostSaga } from './lost-saga.ts';
import { natsLost } from './nats-lost.ts';
import { overloaded } from './overloaded.ts';
import { relayGone } from './relay-gone.ts';
import { setBack } from './set-back.ts';
import { slowSaga } from './slow.ts';
import { stuckSaga } from './stuck.ts';
import { temporalLost } from './temporal-lost.ts';
import { temporalUnusable } from './temporal-unusable.ts';

/** By the titles of the sections. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'A saga is stuck': stuckSaga,
  "A saga's workflow code fails": failingSaga,
  'A saga is slow': slowSaga,
  'An order has lost its saga': lostSaga,
  Overloaded: overloaded,
  'The relay is gone': relayGone,
  'Temporal cannot be used': temporalUnusable,
  "Temporal's database is lost": temporalLost,
  'NATS is lost or full': natsLost,
  'A deployment has gone wrong': deploymentGoneWrong,
  'Somebody else publishes to the stream': foreignMessages,
  'PostgreSQL was set back to an older copy': setBack,
};
