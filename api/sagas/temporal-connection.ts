import { Connection, isRetryableError, makeGrpcRetryInterceptor } from '@temporalio/client';
import type { TemporalServer } from '../../platform/temporal/settings.ts';

const RETRY_MS = 200;
const MAX_ATTEMPTS = 10;

/**
 * Connects with the first call, and again whenever the server is back: the command API runs without it.
 * The SDK's own retries wait for up to 5 s in between, also past a call's deadline, which would keep callers waiting.
 */
export const connectTemporalLazily = ({ connection }: TemporalServer): Connection =>
  Connection.lazy({
    ...connection,
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 1_000 },
    interceptors: [
      makeGrpcRetryInterceptor({
        delayFunction: () => RETRY_MS,
        retryableDecider: (attempt, status) => attempt < MAX_ATTEMPTS && isRetryableError(status),
      }),
    ],
  });
