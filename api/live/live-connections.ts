import { randomInt } from 'node:crypto';
import type { Request, Response } from 'express';
import { Counter, Gauge, type Registry } from 'prom-client';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Clock } from '../../platform/clock.ts';
import { EVENT_STREAM } from '../../platform/event-stream.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Principal } from '../auth/principal.ts';
import { HEARTBEAT, retryFrame, StalledReaderError, writeEvents, type SentEvent } from './event-frames.ts';

interface LiveLimits {
  /** Connections of this process. */
  readonly connections: number;
  /** Of them, those of one caller. */
  readonly perCaller: number;
}

interface LiveRequest {
  readonly route: string;
  readonly principal: Principal;
  readonly request: Request;
  readonly response: Response;
}

/** Why a connection has ended. */
type Ending = 'left' | 'expired' | 'shutdown' | 'stalled' | 'interrupted';

/** The connections on which events are sent. */
export interface LiveConnections {
  /**
   * Sends events until the reader leaves, their token expires, or there are no more; resolves then.
   * @param begin rejects when there is nothing to follow; it is answered as a problem
   * @throws OrderSystemError OVERLOADED when there are too many, UNAVAILABLE while the process ends
   */
  serve(
    request: LiveRequest,
    begin: (signal: AbortSignal) => Promise<AsyncIterable<SentEvent>>,
  ): Promise<void>;
  /** Ends all of them, so that their readers come again elsewhere, and lets none begin. */
  close(): void;
}

interface Deps {
  readonly limits: LiveLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly heartbeatMs?: number;
  readonly stalledAfterMs?: number;
}

/** Below the 60 s after which proxies usually give up a connection on which nothing comes. */
const HEARTBEAT_MS = 15_000;
const STALLED_AFTER_MS = 30_000;
/** For the last words to a reader. */
const END_WITHIN_MS = 1_000;
/** Readers that were cut off together come again spread over this span. */
const RETRY_MS = { from: 1_000, to: 3_000 };
/** The longest that a timer can be. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createLiveConnections(deps: Deps): LiveConnections {
  const { limits, clock, logger, registry } = deps;
  const { heartbeatMs = HEARTBEAT_MS, stalledAfterMs = STALLED_AFTER_MS } = deps;
  const open = new Set<(ending: Ending) => void>();
  const perCaller = new Map<string, number>();
  let isClosed = false;
  const present = new Gauge({
    name: 'live_connections',
    help: 'Readers of live events, by route',
    labelNames: ['route'],
    registers: [registry],
  });
  const ended = new Counter({
    name: 'live_connections_ended_total',
    help: 'Connections of live events that have ended, by route and reason',
    labelNames: ['route', 'reason'],
    registers: [registry],
  });

  return {
    serve: async ({ route, principal, request, response }, begin) => {
      requireRoom(principal.subject);
      let ending: Ending | undefined;
      const over = new AbortController();
      const end = (why: Ending): void => {
        ending ??= why;
        over.abort();
      };
      const left = (): void => {
        end('left');
      };
      response.once('close', left);
      enter(principal.subject, end);
      present.inc({ route });
      const stopTimers = startTimers(response, principal, end);
      try {
        // HEAD asks what would come, and for none of it.
        const events = request.method === 'HEAD' ? none() : await begin(over.signal);
        sendHead(response);
        response.write(retryFrame(randomInt(RETRY_MS.from, RETRY_MS.to)));
        await writeEvents(response, events, { signal: over.signal, stalledAfterMs });
      } catch (error) {
        if (!response.headersSent && !response.destroyed) throw error;
        if (error instanceof StalledReaderError) end('stalled');
        else if (!over.signal.aborted)
          logger.info({ err: error, route }, 'a reader of live events is sent away');
      } finally {
        over.abort();
        stopTimers();
        response.off('close', left);
        leave(principal.subject, end);
        present.dec({ route });
        if (response.headersSent) ended.inc({ route, reason: ending ?? 'interrupted' });
      }
      finish(response);
    },
    close: () => {
      isClosed = true;
      for (const end of open) end('shutdown');
    },
  };

  function requireRoom(subject: string): void {
    if (isClosed) throw new OrderSystemError('UNAVAILABLE', 'this process ends; connect again');
    if (open.size >= limits.connections)
      throw new OrderSystemError('OVERLOADED', 'too many readers follow events here; connect again later');
    if ((perCaller.get(subject) ?? 0) >= limits.perCaller)
      throw new OrderSystemError(
        'OVERLOADED',
        `a caller may follow events on ${limits.perCaller} connections; close one of them first`,
      );
  }

  function enter(subject: string, end: (ending: Ending) => void): void {
    open.add(end);
    perCaller.set(subject, (perCaller.get(subject) ?? 0) + 1);
  }

  function leave(subject: string, end: (ending: Ending) => void): void {
    open.delete(end);
    const left = (perCaller.get(subject) ?? 0) - 1;
    if (left > 0) perCaller.set(subject, left);
    else perCaller.delete(subject);
  }

  function startTimers(
    response: Response,
    { expiresAt }: Principal,
    end: (ending: Ending) => void,
  ): () => void {
    const heartbeat = setInterval(() => {
      // Who does not take what there is needs no sign of life.
      if (response.headersSent && !response.writableNeedDrain) response.write(HEARTBEAT);
    }, heartbeatMs);
    const expire = (): void => {
      end('expired');
    };
    const expiry =
      expiresAt === undefined
        ? undefined
        : setTimeout(expire, Math.min(Math.max(expiresAt - clock.now().getTime(), 0), MAX_TIMER_MS));
    return () => {
      clearInterval(heartbeat);
      clearTimeout(expiry);
    };
  }
}

async function* none(): AsyncGenerator<SentEvent> {
  // Nothing.
}

function sendHead(response: Response): void {
  response.status(200).set({
    'Content-Type': EVENT_STREAM,
    'Cache-Control': 'no-store',
    // nginx would keep events back until it has a buffer full.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
}

/** What was written is still sent, but to nobody who does not take it. */
function finish(response: Response): void {
  if (response.destroyed) return;
  response.end();
  const timer = setTimeout(() => {
    response.destroy();
  }, END_WITHIN_MS);
  response.once('close', () => {
    clearTimeout(timer);
  });
}
