import { randomUUID } from 'node:crypto';
import { post } from '../../test/support/http.ts';
import { bearer } from '../../test/support/tokens.ts';
import { orderedLines } from '../saga/orders.ts';
import { overload } from '../scenarios/accept.ts';
import type { Clients, LoadResult } from './clients.ts';
import type { ApiServer } from '../api-servers.ts';

export interface Overload {
  /** Accepted orders per second just before, from as many connections as the rates are compared at. */
  readonly highest: number;
  readonly offered: number;
  readonly seconds: number;
  readonly accepted: number;
  /** Shares of all requests: refused, and without an answer within 10 s. */
  readonly refused: number;
  readonly unanswered: number;
  /** Resident memory of the API's process, in MiB. */
  readonly memory: { readonly start: number; readonly most: number; readonly end: number };
  /** From the end of the load until an order is accepted. */
  readonly recoveredAfterMs: number;
}

export interface Overloaded {
  readonly clients: Clients;
  readonly api: ApiServer;
  /** Of a caller that the API knows. */
  readonly token: string;
}

/** Offers a command API more than it can take. */
export async function measureOverload(
  { clients, api, token }: Overloaded,
  highest: LoadResult,
  seconds: number,
): Promise<Overload> {
  const start = api.memory();
  let most = start;
  const sampling = setInterval(() => {
    most = Math.max(most, api.memory());
  }, overload.sampleEveryMs);
  const rate = overload.factor * highest.perSecond;
  try {
    const { accepted, refused, unanswered, ...loaded } = await clients.load(
      { urls: [api.url], connections: overload.connections, seconds, rate },
      {},
    );
    return {
      highest: highest.perSecond,
      offered: rate,
      seconds: loaded.seconds,
      accepted: accepted / loaded.seconds,
      refused: refused / (accepted + refused + unanswered),
      unanswered: unanswered / (accepted + refused + unanswered),
      memory: { start, most, end: api.memory() },
      recoveredAfterMs: await untilAccepted(api.url, token),
    };
  } finally {
    clearInterval(sampling);
  }
}

async function untilAccepted(url: string, token: string): Promise<number> {
  const began = performance.now();
  for (;;) {
    const order = { lines: orderedLines(), paymentMethod: 'pm_card_visa' };
    const { status } = await post(`${url}/orders`, order, {
      ...bearer(token),
      'Idempotency-Key': randomUUID(),
    });
    if (status === 202) return performance.now() - began;
    if (status !== 503 && status !== 429)
      throw new Error(`after the overload an order was answered ${status}`);
  }
}
