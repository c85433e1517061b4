/** One line for people. */
export type Tell = (line: string) => void;

export interface Progress {
  /** @param done events so far. @param share of all that there is to do, 0 to 1; undefined while nobody knows */
  moved(done: number, share: number | undefined): void;
}

const EVERY_MS = 3_000;

/** Says every few seconds how far a build is, how fast, and how long it still takes. */
export function createProgress(
  what: string,
  tell: Tell,
  now: () => number = () => performance.now(),
): Progress {
  const startedAt = now();
  let toldAt = startedAt;
  return {
    moved: (done, share) => {
      const time = now();
      if (time - toldAt < EVERY_MS) return;
      toldAt = time;
      const seconds = (time - startedAt) / 1_000;
      const rate = `${count(done)} events, ${count(Math.round(done / seconds))}/s`;
      if (share === undefined || share === 0) tell(`${what}: ${rate}`);
      else
        tell(
          `${what}: ${Math.floor(share * 100)} %, ${rate}, ${count(Math.ceil((seconds / share) * (1 - share)))} s left`,
        );
    },
  };
}

export const count = (number: number): string => number.toLocaleString('en-US');
