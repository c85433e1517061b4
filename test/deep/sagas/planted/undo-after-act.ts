import type { Saga } from '../../../../domain/saga-steps.ts';
import * as real from '../../../../workflows/saga.ts';

/** A planted bug: a step's compensation is registered once the step is done, and not before it acts. */
export const beginSaga: typeof real.beginSaga = (definition, beginning) => {
  const steps: Saga['steps'] = definition.steps;
  const done = new Set<string>();
  const saga = real.beginSaga(definition, {
    ...beginning,
    undo: (calls) => {
      const undos = beginning.undo(calls);
      const ofSteps = Object.values(steps).map(({ undo }) => undo);
      // Until the step is done it is as if there were no compensation.
      const late = Object.entries<() => Promise<void>>(undos).map(([name, undo]) => [
        name,
        () => (done.has(name) || !ofSteps.includes(name as never) ? undo() : Promise.resolve()),
      ]);
      return Object.fromEntries(late) as typeof undos;
    },
  });
  return {
    ...saga,
    step: async (key, act) => {
      await saga.step(key, act);
      done.add(steps[key as string]?.undo ?? '');
    },
  };
};
