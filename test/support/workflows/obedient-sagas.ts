import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { APPROVAL_UPDATE, CANCEL_UPDATE, RESOLVE_UPDATE } from '../../../domain/saga-requests.ts';

/** Stand-ins for the sagas that can be asked the same, and answer as a test has told them. */

export interface Refusal {
  readonly code: string;
  readonly detail: string;
  /** `handler`: after it was taken. */
  readonly by: 'validator' | 'handler';
}

/** Absent: everything is taken and done at once. */
export interface Behaviour {
  readonly refuses?: Partial<Record<'cancel' | 'approval' | 'resolve', Refusal>>;
  /** What a decision about a stuck saga is answered with. */
  readonly answersResolve?: string;
  /** A cancellation is taken at once and done when the test says so. */
  readonly slow?: boolean;
}

export const BEHAVIOUR = 'behaviour';
/** What it was started with, and what has been asked of it. */
export const toldQuery = defineQuery<Told>('told');
export interface Told {
  readonly input: unknown;
  readonly requests: readonly unknown[];
}
export const goOnSignal = defineSignal('goOn');
export const endSignal = defineSignal('end');

async function saga(input: { readonly [BEHAVIOUR]?: Behaviour }): Promise<void> {
  const { refuses = {}, answersResolve, slow = false } = input[BEHAVIOUR] ?? {};
  const requests: unknown[] = [];
  let mayGoOn = !slow;
  let hasEnded = false;
  setHandler(toldQuery, () => ({ input, requests }));
  setHandler(goOnSignal, () => {
    mayGoOn = true;
  });
  setHandler(endSignal, () => {
    hasEnded = true;
  });
  const obey = (update: string, asked: keyof typeof refuses): void => {
    const refuseIf = (by: Refusal['by']): void => {
      const refusal = refuses[asked];
      if (refusal?.by === by) throw ApplicationFailure.nonRetryable(refusal.detail, refusal.code);
    };
    const handler = async (request: unknown): Promise<unknown> => {
      requests.push(request);
      if (asked === 'cancel') await condition(() => mayGoOn);
      refuseIf('handler');
      return asked === 'resolve' ? answersResolve : undefined;
    };
    const validator = (_request: unknown): void => {
      refuseIf('validator');
    };
    setHandler(defineUpdate<unknown, [unknown]>(update), handler, { validator });
  };
  obey(CANCEL_UPDATE, 'cancel');
  obey(APPROVAL_UPDATE, 'approval');
  obey(RESOLVE_UPDATE, 'resolve');
  await condition(() => hasEnded);
}

export const orderSaga = saga;
export const shipmentSaga = saga;
