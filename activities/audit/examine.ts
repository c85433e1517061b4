import type { CheckReport } from '../../domain/audit.ts';
import type { Check, Facts, Subject } from './check.ts';

/** What is added up of one check, over all that it is about. */
export interface Tally extends Omit<CheckReport, 'samples'> {
  looked: number;
  drifted: number;
  parked: number;
  moving: number;
  readonly samples: string[];
  readonly repair: Check<never>['repair'];
  /** Keys that drifted, up to `REMEMBERED`: what a repair begins with. */
  readonly keys: string[];
}
export type Tallies = Map<string, Tally>;

/** What changes at every look is left to the next audit after so many. */
const LOOKS = 5;
const REMEMBERED = 10_000;

/**
 * Judges all keys of a subject. What differs at first sight is looked at again when it has settled: only what differs
 * then, and has not moved meanwhile, has drifted.
 */
export async function examine<F extends Facts>(
  subject: Subject<F>,
  tallies: Tallies,
  { samples, onPage }: { samples: number; onPage: (looked: number) => void },
): Promise<void> {
  for (const check of subject.checks) tallies.set(check.name, tallies.get(check.name) ?? newTally(check));
  let looked = 0;
  for await (const keys of subject.pages()) {
    for (const { name } of subject.checks) tallyOf(tallies, name).looked += keys.length;
    let open = suspects(keys, await subject.gather(keys, 'first-sight'));
    for (let look = 0; look < LOOKS && open.size > 0; look++)
      open = settle(open, await subject.gather([...open.keys()], 'settled'));
    for (const checks of open.values()) for (const { name } of checks) tallyOf(tallies, name).moving += 1;
    looked += keys.length;
    onPage(looked);
  }

  /** @returns what differs in anything, with all checks: where one holds back for another, that one may be wrong yet */
  function suspects(
    keys: readonly string[],
    facts: ReadonlyMap<string, F>,
  ): Map<string, readonly Check<F>[]> {
    return new Map(
      keys
        .filter((key) => {
          const known = facts.get(key);
          return known !== undefined && subject.checks.some((check) => check.judge(known) !== undefined);
        })
        .map((key) => [key, subject.checks]),
    );
  }

  /** @returns what is to be looked at again */
  function settle(
    open: ReadonlyMap<string, readonly Check<F>[]>,
    facts: ReadonlyMap<string, F>,
  ): Map<string, readonly Check<F>[]> {
    const again = new Map<string, readonly Check<F>[]>();
    for (const [key, checks] of open) {
      const known = facts.get(key);
      if (!known) continue;
      const moved = checks.filter((check) => {
        const differs = check.judge(known);
        if (differs === undefined) return false;
        if (known.hasMoved && check.isExact !== true) return true;
        if (known.isHeld && check.isExact !== true && check.isOutside !== true)
          tallyOf(tallies, check.name).parked += 1;
        else addDrift(tallyOf(tallies, check.name), key, differs);
        return false;
      });
      if (moved.length > 0) again.set(key, moved);
    }
    return again;
  }

  function addDrift(tally: Tally, key: string, differs: string): void {
    tally.drifted += 1;
    if (tally.samples.length < samples) tally.samples.push(`${subject.name} ${key}: ${differs}`);
    if (tally.keys.length < REMEMBERED) tally.keys.push(key);
  }
}

export function tallyOf(tallies: Tallies, name: string): Tally {
  const tally = tallies.get(name);
  if (!tally) throw new Error(`check ${name} is not being tallied`);
  return tally;
}

const newTally = <F>({ name, holds, advice, repair }: Check<F>): Tally => ({
  ...{ name, holds, advice, repair },
  ...{ looked: 0, drifted: 0, parked: 0, moving: 0 },
  samples: [],
  keys: [],
});
