import { once } from 'node:events';
import {
  connect,
  createSecureServer,
  createServer,
  type ClientHttp2Session,
  type Http2Session,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A gRPC status with its message. */
interface Refusal {
  readonly status: number;
  readonly message: string;
}

/** Stands before a Temporal server and refuses what a test wants; without one behind it answers with nothing in it. */
export interface TemporalGate {
  readonly port: number;
  /** By the method's name, such as `CreateSchedule`; may change while it runs. */
  readonly refusals: Map<string, Refusal>;
  /** Names of the methods that were called, in their order. */
  readonly called: readonly string[];
  close(): Promise<void>;
}

interface GateOptions {
  /** `host:port` of a server without TLS. */
  readonly upstream?: string;
  /** TLS on the side of the callers. */
  readonly tls?: Pick<SecureServerOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;
  readonly refusals?: Readonly<Record<string, Refusal>>;
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
/** A message without fields. */
const EMPTY = Buffer.alloc(5);
/** What HTTP/2 does not pass on. */
const hops = /^(connection|keep-alive|transfer-encoding|upgrade|http2-settings)$/;

export async function openTemporalGate(options: GateOptions = {}): Promise<TemporalGate> {
  const refusals = new Map(Object.entries(options.refusals ?? {}));
  const called: string[] = [];
  const sessions = new Set<Http2Session>();
  let upstream: ClientHttp2Session | undefined;
  const behind = (): ClientHttp2Session | undefined => {
    if (options.upstream === undefined) return undefined;
    if (!upstream || upstream.destroyed || upstream.closed) {
      upstream = connect(`http://${options.upstream}`);
      upstream.on('error', () => undefined); // each request on it is told as well
    }
    return upstream;
  };
  const server = options.tls ? createSecureServer(options.tls) : createServer();
  server.on('session', (session: Http2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined); // of callers that leave
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined); // of callers that leave
    const method = headers[':path']?.split('/').at(-1) ?? '';
    called.push(method);
    const refusal = refusals.get(method) ?? refusals.get('*');
    const session = behind();
    if (refusal) {
      stream.resume();
      const trailers = { 'grpc-status': String(refusal.status), 'grpc-message': refusal.message };
      stream.respond({ ...GRPC, ...trailers }, { endStream: true });
    } else if (session) forward(stream, headers, session);
    else {
      stream.resume();
      stream.respond(GRPC, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end(EMPTY);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    refusals,
    called,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      upstream?.destroy();
      await closed;
    },
  };
}

function forward(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: ClientHttp2Session): void {
  const passedOn = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !hops.test(name) && name !== ':authority'),
  );
  const request = session.request(passedOn);
  const fail = (): void => {
    if (!stream.destroyed) stream.close();
  };
  let trailers: IncomingHttpHeaders | undefined;
  request
    .on('error', fail)
    .on('response', (answer, flags) => {
      const ends = (flags & 1) === 1;
      if (stream.destroyed) return;
      stream.respond(answer, ends ? { endStream: true } : { waitForTrailers: true });
      if (!ends) request.pipe(stream);
    })
    .on('trailers', (received: IncomingHttpHeaders) => {
      trailers = received;
    });
  stream
    .on('wantTrailers', () => {
      stream.sendTrailers(trailers ?? {});
    })
    .on('close', () => {
      request.close();
    });
  stream.pipe(request);
}
