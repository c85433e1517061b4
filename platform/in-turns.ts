import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** Some 10 ms of work. */
const REQUESTS_PER_TURN = 32;
/** About a second of work; whoever comes then would wait longer than callers like to. */
const MOST_WAITING = 1_000;

/** What has to be answered however much else is asked: a process that was restarted because it is busy helps nobody. */
const OPERATIONS = /^\/(healthz|readyz|metrics)(\?|$)/;

/**
 * Deals with a bounded number of requests in each turn of the event loop. Without it a turn lasts for as long as all
 * sockets have requests – with thousands of connections, seconds – and whatever else waits for its turn moves by one
 * step in each: a transaction of a few statements took longer than its callers waited. A single request is dealt with
 * in the turn in which it arrives.
 * @param refuse answers those that come while too many wait. Absent: however many come, they wait.
 */
export function inTurns(listener: RequestListener, refuse?: RequestListener): RequestListener {
  let waiting: [IncomingMessage, ServerResponse][] = [];
  const turn = (): void => {
    const now = waiting.slice(0, REQUESTS_PER_TURN);
    waiting = waiting.slice(REQUESTS_PER_TURN);
    if (waiting.length > 0) setImmediate(turn);
    // Who has left meanwhile is not answered.
    for (const [request, response] of now) if (!response.destroyed) listener(request, response);
  };
  return (request, response) => {
    if (OPERATIONS.test(request.url ?? '')) listener(request, response);
    else if (refuse && waiting.length >= MOST_WAITING) refuse(request, response);
    else if (waiting.push([request, response]) === 1) setImmediate(turn);
  };
}
