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
 * drained and ends with code 1.
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
  closeWithGrace({ delay: shutdownTimeoutMs, logger: false }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'stopping because of an error that nothing caught');
    else logger.info({ signal }, 'draining');
    await running.close();
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
