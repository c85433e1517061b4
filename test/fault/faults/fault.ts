import type { Fire } from '../fire.ts';

/** Something that goes wrong, and is over when the promise resolves: what was broken runs again. */
export interface Fault {
  readonly name: string;
  /** @param delayMs a random moment, up to 2 s */
  readonly run: (fire: Fire, delayMs: number) => Promise<void>;
}
