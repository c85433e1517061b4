import {
  Agent,
  request,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';

interface ProxyDeps {
  /** Base addresses, such as `http://127.0.0.1:3001`. */
  readonly commandApi: string;
  readonly queryApi: string;
  readonly worker: string;
}

/** These belong to one connection, not to the request (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * One address for the whole system: reads go to the query API, everything else to the command API, and `/dev/*` to
 * the worker. Bodies are streamed both ways. While an upstream is down the answer is 502.
 */
export function createProxy(deps: ProxyDeps): RequestListener {
  const agent = new Agent({ keepAlive: true });
  return (incoming, outgoing) => {
    const [name, base] = upstreamFor(incoming, deps);
    const { hostname, port } = new URL(base);
    const { url: path, method } = incoming;
    const forwarded = request({ agent, hostname, port, path, method, headers: requestHeaders(incoming) });
    forwarded.on('response', (answer) => {
      relay(answer, outgoing);
    });
    forwarded.on('error', (error) => {
      refuse(outgoing, name, error);
    });
    // Whoever hangs up before the answer is complete does not want it any more.
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) forwarded.destroy();
    });
    // An error of either side closes the other; both have their handlers above.
    pipeline(incoming, forwarded, () => undefined);
  };
}

function upstreamFor({ method, url = '/' }: IncomingMessage, deps: ProxyDeps): [name: string, base: string] {
  if (/^\/dev(\/|\?|$)/.test(url)) return ['worker', deps.worker];
  // The outbox and the audit are the write side's.
  if (/^\/operations\/(outbox|audit)(\/|\?|$)/.test(url)) return ['command API', deps.commandApi];
  if (method === 'GET' || method === 'HEAD') return ['query API', deps.queryApi];
  return ['command API', deps.commandApi];
}

function requestHeaders(incoming: IncomingMessage): OutgoingHttpHeaders {
  const { headers, socket } = incoming;
  const before = headers['x-forwarded-for'];
  const peer = socket.remoteAddress ?? 'unknown';
  return {
    ...endToEnd(headers, headers.connection),
    // Says that a body of unknown length follows, which cannot be told from the method.
    ...(headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': before === undefined ? peer : `${String(before)}, ${peer}`,
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? 'http',
    'x-forwarded-host': headers['x-forwarded-host'] ?? headers.host,
  };
}

function relay(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(
    answer.statusCode ?? 502,
    answer.statusMessage,
    endToEnd(answer.headers, answer.headers.connection),
  );
  // The first byte of an event stream may be long in coming; its headers are awaited now.
  outgoing.flushHeaders();
  pipeline(answer, outgoing, () => undefined);
}

/** Without the headers of one connection, among them those that its `Connection` header names. */
function endToEnd(headers: IncomingMessage['headers'], connection = ''): OutgoingHttpHeaders {
  const named = new Set(connection.toLowerCase().split(/\s*,\s*/));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)),
  );
}

function refuse(outgoing: ServerResponse, name: string, error: Error): void {
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy(error);
    return;
  }
  const detail = `The ${name} does not answer. It may be starting again; try in a moment.`;
  const body = JSON.stringify({ type: 'about:blank', title: 'Bad gateway', status: 502, detail });
  outgoing.writeHead(502, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    // The rest of a request body that nobody reads must not be taken for the next request.
    connection: 'close',
  });
  outgoing.end(body);
}
