import autocannon from 'autocannon';
import { answerRequests } from '../forked.ts';
import { readRequestSchema, type ReadAnswer, type ReadRequest } from './reads-protocol.ts';

// The readers: a process of its own, so that their CPU is told apart from the server's.

async function answer(request: ReadRequest): Promise<ReadAnswer | undefined> {
  if (request.ask === 'end') process.exit(0);
  const { url, targets, connections, seconds } = request;
  const { requests, errors, duration, latency, ...result } = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: targets.map(({ path, token }) => ({ path, headers: { authorization: `Bearer ${token}` } })),
  });
  const answered = result.statusCodeStats?.['200']?.count ?? 0;
  return {
    is: 'read',
    answered,
    failed: errors + requests.total - answered,
    seconds: duration,
    p50: latency.p50,
    p99: latency.p99,
  };
}

answerRequests((request) => answer(readRequestSchema.parse(request)));
