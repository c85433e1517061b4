import * as analytics from './analytics/contracts.ts';
import * as audit from './audit/contracts.ts';
import * as commands from './commands/contracts.ts';
import * as customers from './customers/contracts.ts';
import type { Contract } from './endpoints/contract.ts';
import * as figures from './figures/contracts.ts';
import * as live from './live/contracts.ts';
import * as outbox from './outbox/contracts.ts';
import * as parking from './parking/contracts.ts';
import * as queries from './queries/contracts.ts';
import * as sagas from './sagas/contracts.ts';
import * as search from './search/contracts.ts';

/** Every route of both APIs. */
export const contracts: readonly Contract[] = [
  ...Object.values<Contract>(queries),
  ...Object.values<Contract>(analytics),
  ...Object.values<Contract>(live),
  ...Object.values<Contract>(search),
  ...Object.values<Contract>(customers),
  ...Object.values<Contract>(figures),
  ...Object.values<Contract>(commands),
  ...Object.values<Contract>(sagas),
  ...Object.values<Contract>(outbox),
  ...Object.values<Contract>(parking),
  ...Object.values<Contract>(audit),
];
