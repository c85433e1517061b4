import { uuidv7 } from 'uuidv7';

/** Time and ids are handed in, so that tests can fix them. */
export interface Clock {
  now(): Date;
}
export const systemClock: Clock = { now: () => new Date() };

/** UUIDv7: sorts by the time of its making. */
export const newId = (): string => uuidv7();
