import autocannon, { type Result } from 'autocannon';
import { answerRequests } from '../forked.ts';
import { orderedLines } from '../saga/orders.ts';
import { requestSchema, type Load, type LoadAnswer, type Loaded, type LoadRequest } from './protocol.ts';

// The clients: a process of its own, so that their CPU is told apart from the server's.

/** Different products, so that no cache of one request's text helps. */
const BODIES = 25;
/** autocannon puts a new id in place of this, in each request. */
const KEY = 'bench-[<id>]';

async function answer(request: LoadRequest): Promise<LoadAnswer | undefined> {
  if (request.ask === 'end') process.exit(0);
  const { urls, connections, rate } = request;
  const share = { ...request, connections: Math.max(1, Math.floor(connections / urls.length)) };
  const results = await Promise.all(
    urls.map((url) => loadOne(url, rate === undefined ? share : { ...share, rate: rate / urls.length })),
  );
  return { is: 'loaded', ...sumOf(results) };
}

const loadOne = (url: string, { connections, seconds, rate, tokens }: Load): Promise<Result> =>
  autocannon({
    url: `${url}/orders`,
    connections,
    duration: seconds,
    idReplacement: true,
    ...(rate === undefined ? {} : { overallRate: Math.round(rate) }),
    requests: Array.from({ length: BODIES }, (_, n) => ({
      method: 'POST' as const,
      headers: {
        'content-type': 'application/json',
        'idempotency-key': KEY,
        authorization: `Bearer ${tokens[n % tokens.length] ?? ''}`,
      },
      body: JSON.stringify({ lines: orderedLines(), paymentMethod: 'pm_card_visa' }),
    })),
  });

function sumOf(results: readonly Result[]): Loaded {
  const sum = (of: (result: Result) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const status = (result: Result, code: string): number =>
    (result.statusCodeStats as Record<string, { count?: number }>)[code]?.count ?? 0;
  const accepted = sum((result) => status(result, '202'));
  const refused = sum((result) => status(result, '503') + status(result, '429'));
  return {
    accepted,
    refused,
    unanswered: sum(({ errors }) => errors),
    failed: sum(({ requests }) => requests.total) - accepted - refused,
    seconds: sum(({ duration }) => duration) / results.length,
    p50: sum(({ latency }) => latency.p50) / results.length,
    p99: Math.max(...results.map(({ latency }) => latency.p99)),
  };
}

answerRequests((request) => answer(requestSchema.parse(request)));
