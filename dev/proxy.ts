import {
  Agent,
  request,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { sendProblem } from '../platform/plain-problem.ts';

interface ProxyDeps {
  /** Base addresses, such as `http://127.0.0.1:3001`. */
  readonly commandApi: string;
  readonly queryApi: string;
  readonly worker: string;
}

interface Upstream {
  /** For people. */
  readonly name: string;
  readonly base: string;
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

/** These say what a request is, where it goes and who sends it: `Connection` may name them, and takes none of them away. */
const KEPT_WHATEVER_IS_NAMED = new Set([
  ...['authorization', 'content-encoding', 'content-length', 'content-type', 'cookie', 'host', 'origin'],
  ...['cache-control', 'idempotency-key', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
]);

/**
 * One address for the whole system: reads go to the query API, everything else to the command API, and `/dev/*` to
 * the worker.
 */
export const createProxy = (deps: ProxyDeps): RequestListener =>
  proxyTo((method, path) => upstreamFor(method, path, deps));

/**
 * Sends requests on to what `choose` says. Bodies are streamed both ways. While an upstream is down the answer is 502.
 * Whatever a request holds, nothing is thrown. It authenticates nobody: put it behind `onlyLocal`.
 * @param choose is given the target without scheme and host
 */
export function proxyTo(choose: (method: string | undefined, path: string) => Upstream): RequestListener {
  const agent = new Agent({ keepAlive: true });
  return (incoming, outgoing) => {
    try {
      const path = originForm(incoming.url ?? '/');
      forward(incoming, outgoing, { ...choose(incoming.method, path), path, agent });
    } catch {
      sendProblem(outgoing, 400, 'the request cannot be sent on as it is; check its target and headers');
    }
  };
}

/** @throws Error for headers or a target that Node.js does not send */
function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { name, base, path, agent }: Upstream & { readonly path: string; readonly agent: Agent },
): void {
  const { hostname, port } = new URL(base);
  const { method } = incoming;
  const forwarded = request({ agent, hostname, port, path, method, headers: requestHeaders(incoming) });
  const refuse = (): void => {
    sendProblem(outgoing, 502, `The ${name} does not answer. It may be starting again; try in a moment.`);
  };
  forwarded.on('response', (answer) => {
    try {
      relay(answer, outgoing);
    } catch {
      // Headers that cannot be passed on; the caller is told, and nothing of the answer is kept.
      answer.destroy();
      refuse();
    }
  });
  // An upstream that switches protocols, which no request that gets here may ask for.
  forwarded.on('upgrade', (_answer, socket) => {
    socket.destroy();
    refuse();
  });
  forwarded.on('error', refuse);
  // Whoever hangs up before the answer is complete does not want it any more.
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) forwarded.destroy();
  });
  // An error of either side closes the other; both have their handlers above.
  pipeline(incoming, forwarded, () => undefined);
}

/** A target may be a whole address (RFC 9112, section 3.2.2), as a client sends it that takes us for its proxy. */
function originForm(target: string): string {
  if (target.startsWith('/') || target === '*') return target;
  const { pathname, search } = new URL(target);
  return pathname + search;
}

function upstreamFor(method: string | undefined, path: string, deps: ProxyDeps): Upstream {
  if (/^\/dev(\/|\?|$)/.test(path)) return { name: 'worker', base: deps.worker };
  const commandApi = { name: 'command API', base: deps.commandApi };
  // The outbox and the audit are the write side's.
  if (/^\/operations\/(outbox|audit)(\/|\?|$)/.test(path)) return commandApi;
  if (method === 'GET' || method === 'HEAD') return { name: 'query API', base: deps.queryApi };
  return commandApi;
}

function requestHeaders(incoming: IncomingMessage): OutgoingHttpHeaders {
  const { headers, socket } = incoming;
  const before = headers['x-forwarded-for'];
  const peer = socket.remoteAddress ?? 'unknown';
  const host = headers['x-forwarded-host'] ?? headers.host;
  return {
    ...endToEnd(headers, headers.connection),
    // Says that a body of unknown length follows, which cannot be told from the method.
    ...(headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    'x-forwarded-for': before === undefined ? peer : `${String(before)}, ${peer}`,
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? 'http',
    ...(host === undefined ? {} : { 'x-forwarded-host': host }),
  };
}

/** @throws Error for a status text or headers that Node.js does not send */
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

/** Without the headers of one connection, among them most of those that its `Connection` header names. */
function endToEnd(headers: IncomingMessage['headers'], connection = ''): OutgoingHttpHeaders {
  const named = new Set(connection.toLowerCase().split(/\s*,\s*/));
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !HOP_BY_HOP.has(name) && (!named.has(name) || KEPT_WHATEVER_IS_NAMED.has(name)),
    ),
  );
}
