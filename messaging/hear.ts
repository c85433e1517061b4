import type { Msg, NatsConnection } from 'nats';

interface Hearing<Heard> {
  readonly subject: string;
  /** What a message says. Throws for one that says nothing. */
  readonly read: (message: Msg) => Heard;
  readonly onHeard: (heard: Heard) => void;
  /** Given the reason for a message that cannot be read or used; others may publish anything to a subject. */
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * Subscribes to a core NATS subject. All subscriptions of the application are made here: what is thrown within a
 * callback of the client would end the connection of the whole process.
 */
export function hear<Heard>(
  connection: NatsConnection,
  { subject, read, onHeard, onUnreadable }: Hearing<Heard>,
): { close(): void } {
  // eslint-disable-next-line no-restricted-syntax -- this is where it is made safe
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => {
      try {
        if (error) throw error;
        onHeard(read(message));
      } catch (cause) {
        onUnreadable(cause);
      }
    },
  });
  return {
    close: () => {
      subscription.unsubscribe();
    },
  };
}
