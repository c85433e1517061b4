import { pino, type DestinationStream, type Logger, type LogFn } from 'pino';
import { messageOf, serializeError } from './error-serializer.ts';

export type { Logger };

/** One JSON line per entry on stdout. `name` is the process; order id and trace id are fields, never text. */
export function createLogger(name: string, level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: serializeError },
      formatters: { level: (label) => ({ level: label }) },
      hooks: { logMethod: withMessage },
      // Whoever reads logs must not be able to act as the one whose request failed.
      redact: ['req.headers.authorization', 'req.headers.cookie'],
    },
    // Written before the call returns: the last entries of a process that ends are there, and in their order.
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** A log entry that has an error and no message takes the error's message, also when the error has none itself. */
function withMessage(this: Logger, args: Parameters<LogFn>, log: LogFn): void {
  const [first, text]: readonly unknown[] = args;
  const error = first instanceof Error ? first : errorIn(first);
  if (error === undefined || text !== undefined) log.apply(this, args);
  else log.call(this, first instanceof Error ? { err: first } : first, messageOf(error));
}

const errorIn = (entry: unknown): unknown =>
  typeof entry === 'object' && entry !== null && 'err' in entry ? entry.err : undefined;
