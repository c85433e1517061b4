import type { Progress } from '../dev/servers/progress.ts';
import type { Closers } from './closers.ts';
import type { Table } from './measure/table.ts';

/** What a scenario is run with. */
export interface Bench {
  readonly closers: Closers;
  readonly progress: Progress;
  readonly rounds: number;
  /** Of each measurement that lasts for a time, after its warm-up. */
  readonly seconds: number;
  readonly long: boolean;
  /** Instead of measuring: where the time goes. */
  readonly profile: boolean;
}

/** What a scenario found out. */
export interface Outcome {
  /** Versions and settings that matter. */
  readonly servers: Readonly<Record<string, string>>;
  readonly tables: readonly Table[];
  /** All of them, to be kept as JSON; none of a profile. */
  readonly measurements?: object;
}
