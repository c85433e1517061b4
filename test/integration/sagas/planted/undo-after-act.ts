import type { Saga } from '../../../../domain/saga-steps.ts';
import * as real from '../../../../workflows/saga.ts';

/** A planted bug: a step's compensation is registered once the step is done, and not before it acts. */
export const beginSaga = (
  definition: Saga,
  beginning: Parameters<typeof real.beginSaga>[1],
): real.SagaRun<Saga> => {
  // As if no step had a compensation; it is registered below.
  const steps = Object.entries(definition.steps).map(
    ([key, { undo: _undo, ...step }]) => [key, step] as const,
  );
  const saga = real.beginSaga<Saga>({ ...definition, steps: Object.fromEntries(steps) }, beginning);
  return {
    ...saga,
    step: async (key, act, ...undo: (() => Promise<void>)[]) => {
      await saga.step(key, act);
      const name = definition.steps[key as string]?.undo;
      for (const compensation of undo) if (name) saga.inherit(name, compensation);
    },
  };
};
