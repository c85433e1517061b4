import type { UpdateDefinition } from '@temporalio/common';
import { condition, defineUpdate, setHandler } from '@temporalio/workflow';
import type { ApprovalDecision } from '../domain/desk.ts';
import { APPROVAL_UPDATE } from '../domain/saga-requests.ts';
import { refusal } from './failures.ts';

const decideApproval: UpdateDefinition<void, [ApprovalDecision]> = defineUpdate(APPROVAL_UPDATE);

export interface Approval {
  /** From now on decisions are taken. */
  open(): void;
  /** Resolves with the first decision. */
  decided(): Promise<ApprovalDecision>;
}

/** Takes one decision of a person, and only while the saga waits for it. */
export function takeApproval(): Approval {
  let isOpen = false;
  let given: ApprovalDecision | undefined;
  setHandler(
    decideApproval,
    (decision: ApprovalDecision) => {
      given = decision;
    },
    {
      validator: (_decision: ApprovalDecision) => {
        if (isOpen && !given) return;
        throw refusal('NOT_WAITING_FOR_APPROVAL', 'the order does not wait for approval');
      },
    },
  );
  return {
    open: () => {
      isOpen = true;
    },
    decided: async () => {
      try {
        await condition(() => given !== undefined);
        return given as unknown as ApprovalDecision;
      } finally {
        isOpen = false;
      }
    },
  };
}
