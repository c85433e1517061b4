import type { Progress } from '../../dev/servers/progress.ts';
import { figure } from '../measure/table.ts';
import type { Rate } from './relay-process.ts';

/** One of several things whose rates are compared. */
export interface Side {
  readonly what: string;
  measure(): Promise<Rate>;
}

/** Rates by round. */
export interface Measurement {
  readonly what: string;
  readonly rates: readonly Rate[];
}

/**
 * Measures all sides in every round, there and back, so that none always follows the same other.
 * @param goOn whether there shall be another round
 */
export async function inTurn(
  sides: readonly Side[],
  goOn: (roundsDone: number) => boolean,
  progress: Progress,
): Promise<Measurement[]> {
  const rates = new Map<Side, Rate[]>(sides.map((side) => [side, []]));
  for (let round = 0; goOn(round); round++) {
    for (const side of orderOf(sides, round)) {
      const rate = await side.measure();
      rates.get(side)?.push(rate);
      progress(`round ${round + 1}  ${side.what}: ${figure(rate.perSecond)}/s`);
    }
  }
  return [...rates].map(([{ what }, measured]) => ({ what, rates: measured }));
}

/** As they are in the first, third… round, from last to first in the second, fourth… */
const orderOf = <T>(sides: readonly T[], round: number): T[] =>
  round % 2 === 0 ? [...sides] : [...sides].reverse();
