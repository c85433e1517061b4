import { eventually } from '../../support/eventually.ts';
import { putJson } from '../../support/http.ts';
import type { Fire } from '../fire.ts';

/** Turns what the simulated provider and carrier do, as long as the worker runs. */
export async function turnDials({ stack: { processes } }: Fire, dials: object): Promise<void> {
  await eventually(
    async () => {
      const { ok, status } = await putJson(`${processes.urls.worker}/dev/faults`, dials);
      if (!ok) throw new Error(`the dials answered ${status}`);
      return true;
    },
    { what: 'the dials are turned' },
  );
}
