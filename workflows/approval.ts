import type { UpdateDefinition } from '@temporalio/common';
import { condition, defineUpdate, setHandler } from '@temporalio/workflow';
import { approvalDecisions, type ApprovalDecision } from '../domain/desk.ts';
import { APPROVAL_UPDATE } from '../domain/saga-requests.ts';
import { refusal } from './failures.ts';
import { isTexts } from './update-arguments.ts';

const decideApproval: UpdateDefinition<void, [ApprovalDecision]> = defineUpdate(APPROVAL_UPDATE);

export interface Approval {
  /** From now on decisions are taken. */
  open(): void;
  /** Resolves with the first decision. */
  decided(): Promise<ApprovalDecision>;
  /** Takes no decision any more. @returns the one that was taken, if any */
  close(): ApprovalDecision | undefined;
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
      validator: (decision: ApprovalDecision) => {
        if (!isTexts(decision, ['decision', 'operator', 'reason']) || !isDecision(decision.decision))
          throw refusal('INVALID_ARGUMENTS', {
            takes: `decision (${approvalDecisions.join(', ')}), operator, reason: lines of visible text`,
          });
        if (isOpen && !given) return;
        throw refusal('NOT_WAITING_FOR_APPROVAL');
      },
    },
  );
  return {
    open: () => {
      isOpen = true;
    },
    decided: async () => {
      await condition(() => given !== undefined);
      return given as unknown as ApprovalDecision;
    },
    close: () => {
      isOpen = false;
      return given;
    },
  };
}

const isDecision = (decision: string): boolean => (approvalDecisions as readonly string[]).includes(decision);
