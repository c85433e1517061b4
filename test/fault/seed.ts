import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { loadConfig } from '../../platform/config.ts';

/** Decides everything that is random here; shown in each suite's title, to repeat a run. */
export const { FAULT_SEED: seed } = loadConfig(
  z.object({
    FAULT_SEED: z.coerce
      .number()
      .int()
      .default(randomInt(2 ** 31)),
  }),
);
