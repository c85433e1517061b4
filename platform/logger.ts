import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** One JSON line per entry on stdout. `name` is the process; order id and trace id are fields, never text. */
export function createLogger(name: string, level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      name,
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Whoever reads logs must not be able to act as the one whose request failed.
      redact: ['req.headers.authorization', 'req.headers.cookie'],
    },
    // Written before the call returns: the last entries of a process that ends are there, and in their order.
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}
