import { appendAudit, type AuditEntry } from '../../db/audit.ts';
import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import type { AuditedCommand, Contract } from '../endpoints/contract.ts';
import type { Call, Endpoint } from '../endpoints/serve.ts';
import { codeOf } from '../problems.ts';
import { traceparentOf } from '../trace.ts';

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Lets no command act that is not in the audit: who asks for what is written before, and what came of it after, in an
 * entry that names the first one's id as `commandId`. A first without a second: nobody saw what came of it.
 * What never became a command – refused by its rights, its limits or its fields – is not in the audit.
 */
export function auditCommands(
  endpoints: readonly Endpoint[],
  deps: Deps,
): { endpoints: Endpoint[]; settled: () => Promise<void> } {
  const pending = new Set<Promise<void>>();

  /** The command has acted: whoever asked gets their answer, also when this cannot be written. */
  function tell(entry: AuditEntry): Promise<void> {
    const written = appendAudit(deps.db, [entry])
      .catch((error: unknown) => {
        const { details, action } = entry;
        deps.logger.error({ err: error, action, ...details }, 'what came of a command is not in the audit');
      })
      .finally(() => pending.delete(written));
    pending.add(written);
    return written;
  }

  const audited = (endpoint: Endpoint): Endpoint => {
    const { contract, handle } = endpoint;
    if (contract.audited === undefined || contract.audited === 'with its transaction') return endpoint;
    const kept = contract.audited;
    return {
      ...endpoint,
      handle: async (call) => {
        const command = commandEntry(contract, kept, call, deps.clock);
        await requireWritten(deps.db, command);
        const cameOfIt = (outcome: string): AuditEntry => ({
          ...command,
          id: newId(),
          at: deps.clock.now(),
          details: { commandId: command.id, outcome },
        });
        try {
          await handle(call);
        } catch (error) {
          await tell(cameOfIt(codeOf(error) ?? 'FAILED'));
          throw error;
        }
        await tell(cameOfIt('ACCEPTED'));
      },
    };
  };

  return {
    endpoints: endpoints.map(audited),
    settled: async () => {
      await Promise.all(pending);
    },
  };
}

/** @throws OrderSystemError UNAVAILABLE when it cannot be written */
async function requireWritten(db: Knex, entry: AuditEntry): Promise<void> {
  try {
    await appendAudit(db, [entry]);
  } catch (cause) {
    throw new OrderSystemError(
      'UNAVAILABLE',
      'the audit cannot be written, so nothing was done; repeat the request',
      { cause },
    );
  }
}

function commandEntry(
  { operationId }: Contract,
  { orderIn, keeps }: AuditedCommand,
  { principal, commandId, params, body, response }: Call<Contract>,
  clock: Clock,
): AuditEntry {
  // Undefined where the contract names none.
  const target = (params as Readonly<Record<string, string>> | undefined) ?? {};
  const fields = (body as Readonly<Record<string, unknown>> | undefined) ?? {};
  return {
    id: commandId,
    at: clock.now(),
    action: operationId,
    subject: principal.subject,
    orderId: orderIn === undefined ? null : orderIdAtEndOf(target[orderIn] ?? ''),
    traceparent: traceparentOf(response),
    details: { ...target, ...Object.fromEntries(keeps.map((name) => [name, fields[name]])) },
  };
}

/** `order-<id>`, or the id itself; null where a caller named what can be no order. */
const orderIdAtEndOf = (text: string): string | null => orderIdSchema.safeParse(text.slice(-36)).data ?? null;
