/** A worker that gets a fifth of its CPU time, and more orders at once than it finishes within a task's timeout. */
export const throttled = { share: 0.2, orders: 150, withinMs: 150_000, samples: 10 } as const;

/** Settings of the worker over what is shipped. */
export const variants = {
  hundred: { what: '100 slots of each kind', env: { WORKER_CONCURRENCY: '100' } },
  shipped: { what: 'as shipped: slots that follow the machine, new sagas held back', env: {} },
} as const satisfies Record<string, { what: string; env: Readonly<Record<string, string>> }>;
export type VariantName = keyof typeof variants;
export const variantNames = Object.keys(variants) as VariantName[];

/** Two workers, of which one at a time is killed under a steady load. */
export const killed = { times: 4, orderEveryMs: 1_000, loadBeforeMs: 6_000, withinMs: 60_000 } as const;
