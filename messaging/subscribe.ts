import type { Msg, NatsConnection } from 'nats';

interface SubscribeOptions<Content> {
  readonly subject: string;
  /** @throws Error for a message that cannot be read */
  readonly parse: (message: Msg) => Content;
  readonly onMessage: (content: Content) => void;
  /** Receives the error of `parse` or `onMessage`: anybody may publish anything to a core subject. */
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * Subscribes to a core NATS subject. Every subscription of the application is made here, because an error that a
 * callback throws closes the connection of the whole process.
 */
export function subscribe<Content>(
  connection: NatsConnection,
  { subject, parse, onMessage, onUnreadable }: SubscribeOptions<Content>,
): { close(): void } {
  // eslint-disable-next-line no-restricted-syntax -- this is the one place that catches what a callback throws
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => {
      try {
        if (error) throw error;
        onMessage(parse(message));
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
