import closeWithGrace from 'close-with-grace';
import { ConfigError } from './config.ts';
import type { Logger } from './logger.ts';
import { terminal } from './terminal.ts';

interface RunningProcess {
  /** Drains: no new work is taken, what was begun ends, connections close. */
  close(): Promise<void>;
}

/**
 * Starts a process and ends it well: SIGTERM and SIGINT drain within the limit, an uncaught error is logged,
 * drained and ends with code 1. What fails while it closes is logged after that.
 */
export async function runProcess(
  logger: Logger,
  shutdownTimeoutMs: number,
  start: () => Promise<RunningProcess>,
): Promise<void> {
  const running = await start().catch((error: unknown) => {
    logger.fatal({ err: error }, 'could not start');
    process.exit(1);
  });
  const options = {
    delay: shutdownTimeoutMs,
    logger: false,
    onSecondError: (error: unknown) => {
      logger.error({ err: error }, 'another error followed while stopping');
    },
    onTimeout: () => {
      logger.error({ limitMs: shutdownTimeoutMs }, 'did not drain in time');
    },
  } as const;
  closeWithGrace(options, async ({ err, signal }) => {
    // At once, so that this is the error that is reported, whatever fails while closing.
    if (err) logger.fatal({ err }, 'stopping because of an error that nothing caught');
    else logger.info({ signal }, 'draining');
    try {
      await running.close();
    } catch (error) {
      if (error !== err) logger.error({ err: error }, 'could not close everything');
      throw error;
    }
    logger.info('stopped');
  });
}

/** Runs `load` and, when the settings cannot be used, says so in plain words and ends with this code. */
export function configOrExit<T>(load: () => T, code = 1): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.error(error.message);
    process.exit(code);
  }
}
