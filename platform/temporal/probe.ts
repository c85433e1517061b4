import { lookup } from 'node:dns/promises';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { TemporalServer } from './settings.ts';

/** What can be wrong on the way to a server, before it is asked anything. */
export type TransportProblem =
  | 'HOST_UNKNOWN'
  | 'REFUSED'
  | 'NO_ANSWER'
  | 'TLS_WANTED'
  | 'TLS_NOT_SPOKEN'
  | 'TLS_FAILED'
  | 'AUTHORITY_UNTRUSTED'
  | 'SERVER_CERTIFICATE_EXPIRED'
  | 'SERVER_NAME_DIFFERS'
  | 'CLIENT_CERTIFICATE_MISSING'
  | 'CLIENT_CERTIFICATE_REFUSED'
  | 'NOT_TEMPORAL';

type Connection = TemporalServer['connection'];

const STEP_LIMIT_MS = 2_000;

/** What every HTTP/2 connection begins with, and the empty SETTINGS frame that has to follow. */
const HTTP2_BEGINNING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
/** Of a frame that a server begins with. */
const SETTINGS = 4;

/** How far a server was reached, or the code of the error that ended it. */
type Outcome =
  'HTTP2' | 'OTHER_ANSWER' | 'CLOSED' | 'TIMEOUT' | { readonly code: string; readonly secured: boolean };

/**
 * Goes the way to a server with sockets of its own, because the SDK's two connections say little or nothing of why they
 * do not come about. @returns undefined when the server speaks HTTP/2 as the settings say
 */
export async function findTransportProblem(connection: Connection): Promise<TransportProblem | undefined> {
  const at = hostAndPort(connection.address);
  try {
    if (isIP(at.host) === 0) await inTime(lookup(at.host));
  } catch {
    return 'HOST_UNKNOWN';
  }
  const { tls } = connection;
  const usesTls = tls === undefined ? connection.apiKey !== undefined : tls !== false;
  return usesTls ? problemWithTls(at, typeof tls === 'object' ? tls : {}) : problemWithout(at);
}

async function problemWithout(at: Address): Promise<TransportProblem | undefined> {
  const outcome = await reach(connectSocket(at), 'connect');
  if (outcome === 'HTTP2') return undefined;
  const unreachable = problemOfSocket(outcome);
  if (unreachable) return unreachable;
  if (outcome === 'TIMEOUT') return 'NO_ANSWER';
  const secured = await reach(connectTls(tlsOptions(at, { rejectUnauthorized: false })), 'secureConnect');
  const speaksTls =
    secured === 'HTTP2' || secured === 'CLOSED' || (typeof secured === 'object' && isTlsAlert(secured));
  return speaksTls ? 'TLS_WANTED' : 'NOT_TEMPORAL';
}

type TlsSettings = Exclude<NonNullable<Connection['tls']>, boolean>;

async function problemWithTls(at: Address, tls: TlsSettings): Promise<TransportProblem | undefined> {
  const { serverNameOverride, serverRootCACertificate, clientCertPair } = tls;
  const options = tlsOptions(at, {
    ...(serverNameOverride === undefined ? {} : { servername: serverNameOverride }),
    ...(serverRootCACertificate ? { ca: Buffer.from(serverRootCACertificate) } : {}),
    ...(clientCertPair
      ? { cert: Buffer.from(clientCertPair.crt), key: Buffer.from(clientCertPair.key) }
      : {}),
  });
  const outcome = await reach(connectTls(options), 'secureConnect');
  if (outcome === 'HTTP2') return undefined;
  const unreachable = problemOfSocket(outcome);
  if (unreachable) return unreachable;
  if (typeof outcome === 'object') {
    const certificate = certificateProblems.find(({ codes }) => codes.test(outcome.code));
    if (certificate) return certificate.problem;
    if (CERTIFICATE_ALERT.test(outcome.code) || outcome.secured)
      return clientCertPair ? 'CLIENT_CERTIFICATE_REFUSED' : 'CLIENT_CERTIFICATE_MISSING';
  }
  if (outcome === 'OTHER_ANSWER') return 'NOT_TEMPORAL';
  if ((await reach(connectSocket(at), 'connect')) === 'HTTP2') return 'TLS_NOT_SPOKEN';
  // The handshake was done: with TLS 1.3 a server tells only then that it wants another certificate, or just closes.
  if (outcome === 'CLOSED')
    return clientCertPair ? 'CLIENT_CERTIFICATE_REFUSED' : 'CLIENT_CERTIFICATE_MISSING';
  return outcome === 'TIMEOUT' ? 'NO_ANSWER' : 'TLS_FAILED';
}

const certificateProblems: readonly { readonly codes: RegExp; readonly problem: TransportProblem }[] = [
  { codes: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, problem: 'SERVER_CERTIFICATE_EXPIRED' },
  { codes: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, problem: 'SERVER_NAME_DIFFERS' },
  {
    codes: /^(UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|CERT_|INVALID_CA|INVALID_PURPOSE)/,
    problem: 'AUTHORITY_UNTRUSTED',
  },
];
const CERTIFICATE_ALERT =
  /ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|UNSUPPORTED_CERT|NO_CERT)/;
const isTlsAlert = ({ code, secured }: { code: string; secured: boolean }): boolean =>
  secured || code.includes('ALERT_');

function problemOfSocket(outcome: Outcome): TransportProblem | undefined {
  if (typeof outcome !== 'object') return undefined;
  if (outcome.code === 'ECONNREFUSED') return 'REFUSED';
  if (/^(ENOTFOUND|EAI_)/.test(outcome.code)) return 'HOST_UNKNOWN';
  return /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/.test(outcome.code) ? 'NO_ANSWER' : undefined;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function hostAndPort(address: string): Address {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

const tlsOptions = (at: Address, more: ConnectionOptions): ConnectionOptions => ({
  ...at,
  ALPNProtocols: ['h2'],
  // An IP address is no server name in TLS; Node takes the host for the certificate's then.
  ...(isIP(at.host) === 0 ? { servername: at.host } : {}),
  ...more,
});

/** Begins to speak HTTP/2 on a socket. @param connected the event after which something can be sent */
function reach(socket: Socket, connected: 'connect' | 'secureConnect'): Promise<Outcome> {
  return new Promise<Outcome>((resolve) => {
    let isConnected = false;
    socket.setTimeout(STEP_LIMIT_MS);
    socket
      .on(connected, () => {
        isConnected = true;
        socket.write(HTTP2_BEGINNING);
      })
      .on('data', (data) => {
        resolve(data[3] === SETTINGS ? 'HTTP2' : 'OTHER_ANSWER');
      })
      .on('error', (error: NodeJS.ErrnoException) => {
        resolve({ code: error.code ?? error.message, secured: isConnected && connected === 'secureConnect' });
      })
      .on('close', () => {
        resolve(isConnected ? 'CLOSED' : { code: 'CLOSED', secured: false });
      })
      .on('timeout', () => {
        resolve('TIMEOUT');
      });
  }).finally(() => socket.destroy());
}

async function inTime<T>(wait: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${STEP_LIMIT_MS} ms`));
    }, STEP_LIMIT_MS);
  });
  try {
    return await Promise.race([wait, limit]);
  } finally {
    clearTimeout(timer);
  }
}
