import { randomUUID } from 'node:crypto';
import { ErrorCode, NatsError, type MsgHdrs, type NatsConnection } from 'nats';
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
/** A batch costs the server some 5 ms more than its messages, a message by itself 0.8 ms (npm run bench -- relay). */
const FEW = 5;
/** A message of the batch is inside the duplicate window: nothing of the batch was stored. */
const DUPLICATE_IN_BATCH = 10_201;

const answerSchema = z.object({
  seq: z.number().optional(),
  batch: z.string().optional(),
  count: z.number().optional(),
  duplicate: z.boolean().optional(),
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

/** As one atomic batch, or one at a time: because they are few, or because some had been published before. */
export type PublishedAs = 'batch' | 'few' | 'repeats';

interface Published {
  /** Highest stream sequence of them: the stream holds all of them as long as it reaches so far. */
  readonly lastSequence: number;
  /** The lowest sequence that was given to one of them now; absent when all had been published before. */
  readonly firstNew?: number;
  readonly as: PublishedAs;
}

/**
 * Publishes all messages in this order, and returns once they are stored: as one atomic batch, or one at a time,
 * each awaited, when they are few or some of them were published shortly before.
 * @param messages at most 1000, which is JetStream's limit for a batch (err_code 10199 beyond it).
 * @throws PublishRefusedError, or NatsError without an answer.
 */
export const publishInOrder = (
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
): Promise<Published> => stageInOrder(connection, messages)();

/**
 * Sends what can be sent while something else must still be published first: a batch but for its last message. None of
 * it is in the stream before the rest is sent; the server forgets what is not followed by that within 10 s.
 * @returns what publishes the messages, as `publishInOrder` does. @throws NatsError when one cannot be sent.
 */
export function stageInOrder(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
): () => Promise<Published> {
  for (const { subject } of messages) assertSubject(subject);
  if (messages.length <= FEW)
    return async () => ({ ...(await publishSingly(connection, messages)), as: 'few' });
  const commit = stageBatch(connection, messages);
  return async () => {
    try {
      const lastSequence = await commit();
      return { lastSequence, firstNew: lastSequence - messages.length + 1, as: 'batch' };
    } catch (error) {
      if (!(error instanceof PublishRefusedError && error.errCode === DUPLICATE_IN_BATCH)) throw error;
      return { ...(await publishSingly(connection, messages)), as: 'repeats' };
    }
  };
}

/** Tokens of a subject under which a message can be stored. */
const SUBJECT = /^[^\s.*>\p{Cc}]+(\.[^\s.*>\p{Cc}]+)*$/u;
/** The server takes 4,096 bytes for the whole line that a subject is sent in, with the reply's subject and the sizes. */
const SUBJECT_MAX_BYTES = 1_000;

/**
 * The client sends whatever it is given: a blank in a subject, or one that is too long, breaks the protocol, for which
 * the server ends the connection of the whole process. @throws NatsError BadSubject
 */
function assertSubject(subject: string): void {
  if (Buffer.byteLength(subject) > SUBJECT_MAX_BYTES)
    throw new NatsError(`a subject has more than ${SUBJECT_MAX_BYTES} bytes`, ErrorCode.BadSubject);
  if (!SUBJECT.test(subject))
    throw new NatsError(`'${subject}' cannot be the subject of a message`, ErrorCode.BadSubject);
}

async function publishSingly(
  connection: NatsConnection,
  messages: readonly OutgoingMessage[],
): Promise<Omit<Published, 'as'>> {
  let published: Omit<Published, 'as'> = { lastSequence: 0 };
  for (const message of messages) {
    const { seq, duplicate = false } = await request(connection, message, headersOf(message));
    const firstNew = published.firstNew ?? (duplicate ? undefined : seq);
    const lastSequence = Math.max(published.lastSequence, seq);
    published = { lastSequence, ...(firstNew === undefined ? {} : { firstNew }) };
  }
  return published;
}

/** All or none; only the last message is answered. @returns what sends it, and resolves with its sequence */
function stageBatch(connection: NatsConnection, messages: readonly OutgoingMessage[]): () => Promise<number> {
  const batch = randomUUID();
  const last = messages.at(-1);
  if (!last) throw new Error('an empty batch cannot be published');
  for (const [index, message] of messages.slice(0, -1).entries()) {
    const part = { batch, index, isLast: false };
    connection.publish(message.subject, message.body, { headers: headersOf(message, part) });
  }
  return async () => {
    const commit = headersOf(last, { batch, index: messages.length - 1, isLast: true });
    const answer = await request(connection, last, commit);
    if (answer.batch !== batch || answer.count !== messages.length) {
      throw new Error(
        `the server stored ${answer.count ?? 'an unknown number'} of ${messages.length} messages of a batch`,
      );
    }
    return answer.seq;
  };
}

async function request(
  connection: NatsConnection,
  message: OutgoingMessage,
  withHeaders: MsgHdrs,
): Promise<z.infer<typeof answerSchema> & { seq: number }> {
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
  const { batch, index, isLast } = part;
  const own = { 'Nats-Msg-Id': id, 'Nats-Batch-Id': batch, 'Nats-Batch-Sequence': String(index + 1) };
  return wireHeaders(headers, isLast ? { ...own, 'Nats-Batch-Commit': '1' } : own);
}
