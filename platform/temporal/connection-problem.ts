import { messageOf } from '../error-serializer.ts';
import { NotReady } from '../readiness.ts';
import { grpcStatus, grpcStatusOf } from './grpc-status.ts';
import { findTransportProblem, type TransportProblem } from './probe.ts';
import type { TemporalServer } from './settings.ts';

type AccessProblem =
  | 'CREDENTIALS_MISSING'
  | 'CREDENTIALS_REFUSED'
  | 'API_KEY_EXPIRED'
  | 'PERMISSION_MISSING'
  | 'NAMESPACE_MISSING'
  | 'NOT_TEMPORAL'
  | 'BUSY'
  | 'NOT_SERVING'
  | 'CLIENT_CERTIFICATE_UNUSABLE'
  | 'UNKNOWN';
export type ConnectionProblem = AccessProblem | TransportProblem;

/** What is wrong and what to do, for everybody: probes are not authenticated, so no address and no name is in it. */
const texts: Readonly<Record<ConnectionProblem, string>> = {
  HOST_UNKNOWN: 'the host of TEMPORAL_ADDRESS is not in DNS; correct it, or add the name',
  REFUSED: 'nothing listens at TEMPORAL_ADDRESS; start the server, or correct the address',
  NO_ANSWER:
    'nobody answers at TEMPORAL_ADDRESS; check the address, and the network and firewalls on the way there',
  TLS_WANTED:
    'the server takes TLS only, and is called without; set TEMPORAL_TLS=true, or the API key or client certificate that it asks for',
  TLS_NOT_SPOKEN:
    'the server speaks no TLS, and is called with it; leave out TEMPORAL_API_KEY and TEMPORAL_TLS*, or set TEMPORAL_TLS=false, or correct TEMPORAL_ADDRESS',
  TLS_FAILED:
    'no TLS connection comes about; check that TEMPORAL_ADDRESS is the address of a Temporal frontend',
  AUTHORITY_UNTRUSTED:
    "the server's certificate is signed by an authority that is not trusted here; set TEMPORAL_TLS_SERVER_CA_CERT_PATH to the certificate of the authority",
  SERVER_CERTIFICATE_EXPIRED:
    "the server's certificate has expired or is not valid yet; renew it on the server, and check the clocks",
  SERVER_NAME_DIFFERS:
    "the server's certificate is for another name; correct TEMPORAL_ADDRESS, or set TEMPORAL_TLS_SERVER_NAME to the name in the certificate",
  CLIENT_CERTIFICATE_MISSING:
    'the server ends the TLS connection, as one does that asks for a client certificate; set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  CLIENT_CERTIFICATE_REFUSED:
    'the server refuses the client certificate; set TEMPORAL_TLS_CLIENT_CERT_PATH to one that it trusts, or let it trust its authority',
  CLIENT_CERTIFICATE_UNUSABLE:
    'the client certificate cannot be used for TLS; set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to an X.509 v3 certificate and its key',
  CREDENTIALS_MISSING:
    'the server asks for credentials and is given none; set TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  CREDENTIALS_REFUSED:
    'the server does not know the credentials; set TEMPORAL_API_KEY to a key that it knows, or correct TEMPORAL_ADDRESS',
  API_KEY_EXPIRED: 'the API key has expired; set TEMPORAL_API_KEY to a new one',
  PERMISSION_MISSING:
    'the server refuses access to the namespace; let the API key or client certificate read and write it, or correct TEMPORAL_NAMESPACE or TEMPORAL_API_KEY',
  NAMESPACE_MISSING:
    'the server has no such namespace; make it with `temporal operator namespace create`, or correct TEMPORAL_NAMESPACE',
  NOT_TEMPORAL:
    'what answers at TEMPORAL_ADDRESS is no Temporal frontend; correct the address (its port is 7233 by default)',
  BUSY: 'the server takes no more requests for now: a limit of the namespace or of the server is reached',
  NOT_SERVING: 'the server can be reached and does not serve yet, or no longer; see its log',
  UNKNOWN: 'the server cannot be used; the log of the process says why',
};

/** Why Temporal cannot be used. What it says may be read by everybody; what the SDK said is its cause. */
export class TemporalProblem extends NotReady {
  readonly kind: ConnectionProblem;

  constructor(kind: ConnectionProblem, cause: unknown) {
    super(texts[kind], { cause });
    this.kind = kind;
  }

  /** Whether only other settings help, so that it is no use to try again. */
  get isForever(): boolean {
    return this.kind === 'CLIENT_CERTIFICATE_UNUSABLE';
  }
}

/** Whether the server says that we may not do this, or that it cannot: some services have no schedules, others no operators. */
export function isRefusal(error: unknown): boolean {
  const code = grpcStatusOf(error);
  return (
    code === grpcStatus.PERMISSION_DENIED ||
    code === grpcStatus.UNIMPLEMENTED ||
    code === grpcStatus.UNAUTHENTICATED
  );
}

/**
 * Finds out why a call or the connection itself failed; where gRPC's answer does not say it, it tries the way to the
 * server step by step, which takes up to some seconds.
 */
export async function diagnose(error: unknown, server: TemporalServer): Promise<TemporalProblem> {
  if (error instanceof TemporalProblem) return error;
  const kind =
    ownFault(error) ??
    refusalOf(error, server) ??
    (await findTransportProblem(server.connection)) ??
    (grpcStatusOf(error) === undefined ? 'UNKNOWN' : 'NOT_SERVING');
  return new TemporalProblem(kind, error);
}

/** Before anything is sent, rustls looks at our own certificate. */
const ownFault = (error: unknown): ConnectionProblem | undefined =>
  /^tonic::transport::Error\(Transport, (InvalidCertificate|General)\(/.test(messageOf(error))
    ? 'CLIENT_CERTIFICATE_UNUSABLE'
    : undefined;

/** What the server says itself; undefined where it said nothing of use. */
export function refusalOf(error: unknown, { connection }: TemporalServer): ConnectionProblem | undefined {
  const { apiKey, tls, metadata } = connection;
  const hasCertificate = typeof tls === 'object' && tls.clientCertPair !== undefined;
  const hasCredentials = apiKey !== undefined || hasCertificate || metadata?.['authorization'] !== undefined;
  const hasExpired = isExpired(apiKey) || (apiKey !== undefined && /expired/i.test(messageOf(error)));
  switch (grpcStatusOf(error)) {
    case grpcStatus.UNAUTHENTICATED:
      if (!hasCredentials) return 'CREDENTIALS_MISSING';
      return hasExpired ? 'API_KEY_EXPIRED' : 'CREDENTIALS_REFUSED';
    case grpcStatus.PERMISSION_DENIED:
      if (!hasCredentials) return 'CREDENTIALS_MISSING';
      return hasExpired ? 'API_KEY_EXPIRED' : 'PERMISSION_MISSING';
    case grpcStatus.NOT_FOUND:
      return 'NAMESPACE_MISSING';
    case grpcStatus.RESOURCE_EXHAUSTED:
      return 'BUSY';
    case grpcStatus.UNIMPLEMENTED:
      return 'NOT_TEMPORAL';
    case undefined:
    default:
      return undefined;
  }
}

/** API keys of Temporal Cloud are JSON Web Tokens, which say until when they are valid. */
function isExpired(apiKey: string | undefined): boolean {
  const [, payload = ''] = apiKey?.split('.') ?? [];
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' && exp * 1_000 < Date.now();
  } catch {
    return false; // a key of another kind
  }
}
