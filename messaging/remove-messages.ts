import { NatsError, type NatsConnection } from 'nats';
import type { Topology } from '../domain/topology.ts';

const AT_ONCE = 16;
/** `no message found`. */
const NOT_FOUND = 10_037;

/**
 * Removes single messages from the stream; the others keep their sequences. One that is gone already is passed over.
 * @throws NatsError when the server refuses, as for a user without the right to it
 */
export async function removeMessages(
  connection: NatsConnection,
  { stream }: Pick<Topology, 'stream'>,
  sequences: readonly number[],
  onRemoved: (count: number) => void,
): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const remove = async (sequence: number): Promise<void> => {
    try {
      await manager.streams.deleteMessage(stream, sequence, false);
    } catch (error) {
      if (!(error instanceof NatsError && isMissing(error))) throw error;
    }
  };
  for (let from = 0; from < sequences.length; from += AT_ONCE) {
    await Promise.all(sequences.slice(from, from + AT_ONCE).map(remove));
    onRemoved(Math.min(from + AT_ONCE, sequences.length));
  }
}

const isMissing = ({ api_error: error }: NatsError): boolean =>
  error?.code === 404 || error?.err_code === NOT_FOUND || error?.err_code === 10_043;
