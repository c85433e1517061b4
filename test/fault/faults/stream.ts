import { connect } from 'nats';
import { eventually } from '../../support/eventually.ts';
import type { Fault } from './fault.ts';

export const repeatedStream: Fault = {
  name: 'every message is delivered twice',
  run: ({ stack: { natsUrl, streamName } }) => repeatStream(natsUrl, streamName),
};

export const deletedStream: Fault = {
  name: 'the stream’s file is deleted',
  run: async ({ stack }) => {
    await stack.killServer('nats');
    await stack.deleteStreamFiles();
    await stack.startServer('nats');
  },
};

/** Stores everything that the stream holds once more, under new sequences and without the id that would be noticed. */
async function repeatStream(natsUrl: string, stream: string): Promise<void> {
  const connection = await connect({ servers: natsUrl });
  try {
    const manager = await connection.jetstreamManager();
    const jetstream = connection.jetstream();
    // After an earlier fault the stream may just be filled again.
    const { first_seq: first, last_seq: last } = await eventually(
      async () => {
        const { state } = await manager.streams.info(stream);
        return state.messages > 0 ? state : undefined;
      },
      { what: 'the stream holds something' },
    );
    for (let sequence = first; sequence <= last; sequence++) {
      const { subject, data } = await manager.streams.getMessage(stream, { seq: sequence });
      await jetstream.publish(subject, data);
    }
  } finally {
    await connection.close();
  }
}
