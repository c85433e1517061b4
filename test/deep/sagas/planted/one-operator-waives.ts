import * as real from '../../../../domain/desk.ts';

export const { causeOf, decisionsOn, deskDecisions, isRetryOnly } = real;

/** A planted bug, and what once was the rule: one operator is enough to waive. */
export const verdictOn: typeof real.verdictOn = (stuck, resolution) => {
  const verdict = real.verdictOn(stuck, resolution);
  return verdict.kind === 'WAITS_FOR_SECOND' ? { kind: 'APPLIED' } : verdict;
};
