import { shipped } from '../saga/activities.ts';
import type { VariantSettings } from '../saga/protocol.ts';

type Variant = Pick<VariantSettings, 'name' | 'activities' | 'localSteps'> & {
  readonly what: string;
  /** The module that it runs the workflows of, from the project's root. */
  readonly workflows: string;
};

/** The order saga beside its limits; the first is what the others are compared with. */
export const variants = {
  order: {
    name: 'order-saga',
    what: `order saga as shipped (local: ${shipped.SAGA_LOCAL_STEPS.join(', ')})`,
    workflows: 'workflows/index.ts',
    activities: 'shipped',
    localSteps: shipped.SAGA_LOCAL_STEPS,
  },
  nothing: {
    name: 'does-nothing',
    what: 'same workflow, activities that do nothing',
    workflows: 'workflows/index.ts',
    activities: 'nothing',
    localSteps: shipped.SAGA_LOCAL_STEPS,
  },
  perWrite: {
    name: 'activity-per-write',
    what: 'same saga, one regular activity per write',
    workflows: 'bench/saga/activity-per-write.ts',
    activities: 'per-write',
    localSteps: [],
  },
  local: {
    name: 'local-only',
    what: 'same saga, every step a local activity',
    workflows: 'workflows/index.ts',
    activities: 'shipped',
    localSteps: ['inventory', 'payments', 'orders'],
  },
} as const satisfies Record<string, Variant>;
export type VariantName = keyof typeof variants;
export const variantNames = Object.keys(variants) as VariantName[];

export const concurrencies = [1, 20, 100] as const;

/** Sagas per second of the order saga ÷ those of another, and what we aim at. */
export const ratios = [
  { what: 'order saga ÷ activities that do nothing', of: 'nothing', aim: '≥ 0.9' },
  { what: 'order saga ÷ one regular activity per write', of: 'perWrite', aim: '≥ 2.5' },
  { what: 'order saga ÷ every step local', of: 'local', aim: '–' },
] as const satisfies readonly { what: string; of: VariantName; aim: string }[];

/** The whole stack: concurrency at which its highest rate is measured, and the share of it that is half load. */
export const wholeStack = { highestRateAt: 100, halfLoad: 0.5 } as const;

export const WARM_UP_MS = 1_500;
export const profiledAt = { concurrency: 20, seconds: 10, items: 5 } as const;
