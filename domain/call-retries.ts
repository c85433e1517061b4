import { businessRefusals, stateConflicts, unknownOutcomes, updateRefusals } from './errors.ts';
import type { Call } from './saga-steps.ts';

/** The longest pause between two attempts of a call, in ms; the first is the installation's, and it doubles. */
export const LONGEST_PAUSE_MS = 30_000;

/** After so many attempts, some 17 minutes, an outage is a long one, and an attempt now and then is enough. */
const PATIENT_AFTER = 40;
const PATIENT_PAUSE_MS = 300_000;

/** @returns the pause before the next attempt in ms; undefined while the retry policy decides */
export const patientPauseAfter = (attempt: number): number | undefined =>
  attempt > PATIENT_AFTER ? PATIENT_PAUSE_MS : undefined;

/**
 * Codes that end the retries of a call, because the saga has to decide: answers, conflicts with our own books, and unknown
 * outcomes, which are queried first. A compensation with an unknown outcome is repeated. Every other failure may pass, also
 * one that no code foresaw.
 */
export const finalCodes = ({ attempts }: Pick<Call, 'attempts'>): readonly string[] => [
  ...businessRefusals,
  ...updateRefusals,
  ...stateConflicts,
  ...(attempts === 'until done' ? unknownOutcomes : []),
];
