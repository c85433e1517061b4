import { randomUUID } from 'node:crypto';
import type { MsgHdrs, NatsConnection } from 'nats';
import { z } from 'zod';
import { wireHeaders } from './wire-headers.ts';

export interface OutgoingMessage {
  readonly subject: string;
  /** The stream stores no second message with this id within its duplicate window. */
  readonly id: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ACKNOWLEDGE_WITHIN_MS = 10_000;
/** A message of the batch is inside the duplicate window: nothing of the batch was stored. */
const DUPLICATE_IN_BATCH = 10_201;

const answerSchema = z.object({
  seq: z.number().optional(),
  batch: z.string().optional(),
  count: z.number().optional(),
  error: z.object({ err_code: z.number(), description: z.string() }).optional(),
});

/** JetStream refused a message. */
export class PublishRefusedError extends Error {
  override readonly name = 'PublishRefusedError';
  readonly errCode: number;
  constructor(errCode: number, description: string) {
    super(`JetStream refused to publish: ${description} (err_code ${errCode})`);
    this.errCode = errCode;
  }
}

/**
 * Publishes all messages in this order, and returns once they are stored: as one atomic batch, or one at a time,
 * each awaited, when some of them were published shortly before.
 * @param messages at most 1000, which is JetStream's limit for a batch (err_code 10199 beyond it).
 * @returns the stream sequence of the last message. @throws PublishRefusedError, or NatsError without an answer.
 */
export async function publishInOrder(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
): Promise<{ lastSequence: number; wasBatch: boolean }> {
  if (messages.length > 1) {
    try {
      return { lastSequence: await publishBatch(connection, messages), wasBatch: true };
    } catch (error) {
      if (!(error instanceof PublishRefusedError && error.errCode === DUPLICATE_IN_BATCH)) throw error;
    }
  }
  let lastSequence = 0;
  for (const message of messages) lastSequence = await publishOne(connection, message);
  return { lastSequence, wasBatch: false };
}

/** All or none; only the last message is answered. The server drops a batch that stays incomplete. */
async function publishBatch(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
): Promise<number> {
  const batch = randomUUID();
  for (const [index, message] of messages.slice(0, -1).entries()) {
    const part = { batch, index, isLast: false };
    connection.publish(message.subject, message.body, { headers: headersOf(message, part) });
  }
  const last = messages.at(-1);
  if (!last) throw new Error('an empty batch cannot be published');
  const commit = headersOf(last, { batch, index: messages.length - 1, isLast: true });
  const answer = await request(connection, last, commit);
  if (answer.batch !== batch || answer.count !== messages.length) {
    throw new Error(
      `the server stored ${answer.count ?? 'an unknown number'} of ${messages.length} messages of a batch`,
    );
  }
  return answer.seq;
}

async function publishOne(connection: NatsConnection, message: OutgoingMessage): Promise<number> {
  const { seq } = await request(connection, message, headersOf(message));
  return seq;
}

async function request(
  connection: NatsConnection,
  message: OutgoingMessage,
  withHeaders: MsgHdrs,
): Promise<{ seq: number; batch?: string | undefined; count?: number | undefined }> {
  const reply = await connection.request(message.subject, message.body, {
    headers: withHeaders,
    timeout: ACKNOWLEDGE_WITHIN_MS,
  });
  const { error, seq, ...answer } = answerSchema.parse(reply.json());
  if (error) throw new PublishRefusedError(error.err_code, error.description);
  if (seq === undefined) throw new Error('JetStream acknowledged without a sequence');
  return { ...answer, seq };
}

interface BatchPart {
  readonly batch: string;
  readonly index: number;
  readonly isLast: boolean;
}

function headersOf({ id, headers }: OutgoingMessage, part?: BatchPart): MsgHdrs {
  if (!part) return wireHeaders(headers, { 'Nats-Msg-Id': id });
  return wireHeaders(headers, {
    'Nats-Msg-Id': id,
    'Nats-Batch-Id': part.batch,
    'Nats-Batch-Sequence': String(part.index + 1),
    ...(part.isLast ? { 'Nats-Batch-Commit': '1' } : undefined),
  });
}
