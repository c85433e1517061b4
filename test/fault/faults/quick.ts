import { away } from './away.ts';
import { flappingConnections, lockedTables, postgresRestarts } from './database.ts';
import type { Fault } from './fault.ts';
import { crashAt, kill9, pausedRelay, throttledWorker } from './processes.ts';
import { deletedStream, repeatedStream } from './stream.ts';
import { lostRelay, terminatedSagas } from './temporal.ts';
import { everythingTogether } from './together.ts';

/** Longer than any retry by itself helps, shorter than every business deadline. */
const AWAY_MS = 60_000;

/** Faults that are over within some two minutes each; together some eight. */
export const quickFaults: readonly Fault[] = [
  kill9('command-api'),
  kill9('query-api'),
  kill9('worker'),
  kill9('projector'),
  crashAt('command-api', 'after the commit, before the answer'),
  crashAt('worker', 'after publishing, before the cursor moves'),
  crashAt('worker', 'after the reservation, before its completion'),
  crashAt('worker', 'after the charge, before its completion'),
  crashAt('worker', 'after the status change, before its completion'),
  crashAt('worker', 'after the booking, before its completion'),
  crashAt('projector', 'after the commit of a page'),
  postgresRestarts,
  { ...away(['NATS'], 0), name: 'kill -9 of nats-server' },
  away(['Temporal'], AWAY_MS),
  away(['PostgreSQL'], AWAY_MS),
  away(['the payment provider', 'the carrier'], AWAY_MS),
  lockedTables(62_000),
  flappingConnections,
  everythingTogether,
  terminatedSagas,
  lostRelay,
  pausedRelay,
  throttledWorker,
  repeatedStream,
  deletedStream,
];
