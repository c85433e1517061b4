import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { freePort } from '../../../dev/servers/free-port.ts';
import { loadConfig, temporalSchema } from '../../../platform/config.ts';
import { createLogger } from '../../../platform/logger.ts';
import type { NotReady } from '../../../platform/readiness.ts';
import { diagnose, TemporalProblem } from '../../../platform/temporal/connection-problem.ts';
import { temporalServerOf } from '../../../platform/temporal/settings.ts';
import { connectClient } from '../../../worker/temporal-client.ts';
import { connectTemporal } from '../../../worker/temporal-connection.ts';
import { createAuthority, type Authority, type KeyPair } from '../../support/certificates.ts';
import { leaksInside } from '../../support/internal-text.ts';
import { openTemporalGate, type TemporalGate } from '../../support/temporal-gate.ts';

const noFile = { TEMPORAL_CONFIG_FILE: '/dev/null' };
const serverOf = (env: Record<string, string>) =>
  temporalServerOf(loadConfig(temporalSchema, { ...noFile, ...env }));
const logger = createLogger('test', 'silent');

/** What `/readyz` says of a worker with these settings before it is connected. */
async function problemOfWorker(env: Record<string, string>): Promise<NotReady> {
  const done = new AbortController();
  let found: NotReady | undefined;
  const onProblem = (problem: NotReady | undefined): void => {
    found ??= problem;
    done.abort();
  };
  const connection = await connectTemporal(serverOf(env), { logger, onProblem }, done.signal);
  await connection?.close();
  return found ?? assert.fail('the worker connects');
}

describe('a connection to Temporal that does not come about says why', function () {
  this.timeout(30_000);
  const open: (TemporalGate | Server)[] = [];
  let authority: Authority;
  let other: Authority;
  let client: KeyPair;
  let stranger: KeyPair;
  const ports: Record<string, number> = {};

  const gate = async (name: string, ...options: Parameters<typeof openTemporalGate>): Promise<void> => {
    const opened = await openTemporalGate(...options);
    open.push(opened);
    ports[name] = opened.port;
  };
  const refusing = (status: number, message: string, method = 'DescribeNamespace') => ({
    refusals: { [method]: { status, message } },
  });

  before(async () => {
    [authority, other] = await Promise.all([createAuthority(), createAuthority()]);
    client = await authority.sign('client');
    stranger = await other.sign('client');
    const named = await authority.sign('localhost');
    const elsewhere = await authority.sign('temporal.example.com');
    const expired = await authority.sign('localhost', -1);
    await gate('plain');
    await gate('tls', { tls: named });
    await gate('other name', { tls: elsewhere });
    await gate('expired', { tls: expired });
    await gate('mTLS', {
      tls: { ...named, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
    });
    await gate('no namespace', refusing(5, 'Namespace default is not found.'));
    await gate('denies', refusing(7, 'Request unauthorized.'));
    await gate('denies at once', refusing(7, 'Request unauthorized.', '*'));
    await gate('knows no key', refusing(16, 'Jwt verification fails', '*'));
    await gate('knows the key no more', refusing(16, 'Jwt is expired', '*'));
    await gate('another gRPC server', refusing(12, 'unknown service'));
    await gate('starts', refusing(14, 'frontend is not ready'));
    const listen = async (name: string, server: Server): Promise<void> => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      open.push(server);
      ports[name] = (server.address() as AddressInfo).port;
    };
    await listen('silent', createServer());
    await listen(
      'web',
      createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    ports['nobody'] = await freePort();
  });
  after(async () => {
    for (const each of open) await each.close();
    await authority.remove();
    await other.remove();
  });

  const at = (name: string, host = 'localhost') => ({
    TEMPORAL_ADDRESS: `${host}:${ports[name] ?? assert.fail(name)}`,
  });
  const trusting = () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.caPath });
  const key = { TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: 'false' };
  const jwt = (exp: number): string => `e.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;

  for (const [what, settings, kind, fix] of [
    [
      'a host that is not in DNS',
      () => ({ TEMPORAL_ADDRESS: 'temporal.invalid:7233' }),
      'HOST_UNKNOWN',
      /TEMPORAL_ADDRESS/,
    ],
    ['a port where nobody listens', () => at('nobody', '127.0.0.1'), 'REFUSED', /start the server/],
    [
      'TLS against a server without',
      () => ({ ...at('plain'), TEMPORAL_TLS: 'true' }),
      'TLS_NOT_SPOKEN',
      /TEMPORAL_TLS=false/,
    ],
    [
      'an API key, which means TLS, against a server without',
      () => ({ ...at('plain'), TEMPORAL_API_KEY: 'key' }),
      'TLS_NOT_SPOKEN',
      /TEMPORAL_API_KEY/,
    ],
    ['no TLS against a server with', () => at('tls'), 'TLS_WANTED', /TEMPORAL_TLS=true/],
    ['a web server', () => at('web', '127.0.0.1'), 'NOT_TEMPORAL', /7233/],
    [
      'a certificate of an unknown authority',
      () => ({ ...at('tls'), TEMPORAL_TLS: 'true' }),
      'AUTHORITY_UNTRUSTED',
      /TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
    ],
    [
      'a certificate for another name',
      () => ({ ...at('other name'), ...trusting() }),
      'SERVER_NAME_DIFFERS',
      /TEMPORAL_TLS_SERVER_NAME/,
    ],
    [
      "a server's certificate that has expired",
      () => ({ ...at('expired'), ...trusting() }),
      'SERVER_CERTIFICATE_EXPIRED',
      /renew/,
    ],
    [
      'a client certificate of an authority that the server does not trust',
      () => ({
        ...at('mTLS'),
        ...trusting(),
        TEMPORAL_TLS_CLIENT_CERT_PATH: stranger.certPath,
        TEMPORAL_TLS_CLIENT_KEY_PATH: stranger.keyPath,
      }),
      'CLIENT_CERTIFICATE_REFUSED',
      /TEMPORAL_TLS_CLIENT_CERT_PATH/,
    ],
    ['a namespace that is not there', () => at('no namespace'), 'NAMESPACE_MISSING', /TEMPORAL_NAMESPACE/],
    [
      'no credentials where they are asked for',
      () => at('denies at once'),
      'CREDENTIALS_MISSING',
      /TEMPORAL_API_KEY/,
    ],
    [
      'an API key that the server does not know',
      () => ({ ...at('knows no key'), ...key }),
      'CREDENTIALS_REFUSED',
      /TEMPORAL_API_KEY/,
    ],
    [
      'an API key that the server says has expired',
      () => ({ ...at('knows the key no more'), ...key }),
      'API_KEY_EXPIRED',
      /TEMPORAL_API_KEY/,
    ],
    [
      'an API key that says itself that it has expired',
      () => ({ ...at('denies'), ...key, TEMPORAL_API_KEY: jwt(1) }),
      'API_KEY_EXPIRED',
      /TEMPORAL_API_KEY/,
    ],
    [
      'an API key without a permission',
      () => ({ ...at('denies'), ...key, TEMPORAL_API_KEY: jwt(9e9) }),
      'PERMISSION_MISSING',
      /TEMPORAL_NAMESPACE/,
    ],
    ['another gRPC server', () => at('another gRPC server'), 'NOT_TEMPORAL', /TEMPORAL_ADDRESS/],
  ] as const)
    it(`${what}: ${kind}`, async () => {
      const problem = await problemOfWorker(settings());
      assert.ok(problem instanceof TemporalProblem, String(problem));
      assert.equal(problem.kind, kind, String(problem.cause));
      assert.match(problem.message, fix);
      assert.deepEqual(leaksInside(problem.message), [], 'anybody may read it');
    });

  // The SDK waits for 10 s in these cases, or tries again within a call.
  for (const [what, settings, kind] of [
    ['an address that does not answer', () => at('silent', '127.0.0.1'), 'NO_ANSWER'],
    [
      'no client certificate where one is asked for',
      () => ({ ...at('mTLS'), ...trusting() }),
      'CLIENT_CERTIFICATE_MISSING',
    ],
  ] as const)
    it(`${what}: ${kind}`, async () => {
      const problem = await diagnose(new Error('no connection within 10000 ms'), serverOf(settings()));
      assert.equal(problem.kind, kind);
    });
  it('a server that is only starting: NOT_SERVING', async () => {
    const unavailable = Object.assign(new Error('14 UNAVAILABLE: frontend is not ready'), { code: 14 });
    assert.equal((await diagnose(unavailable, serverOf(at('starts')))).kind, 'NOT_SERVING');
  });

  it('and with what it asks for, it comes about', async () => {
    const { certPath, keyPath } = client;
    for (const settings of [
      at('plain'),
      { ...at('tls'), ...trusting() },
      { ...at('tls', '127.0.0.1'), ...trusting(), TEMPORAL_TLS_SERVER_NAME: 'localhost' },
      { ...at('other name'), ...trusting(), TEMPORAL_TLS_SERVER_NAME: 'temporal.example.com' },
      {
        ...at('mTLS'),
        ...trusting(),
        TEMPORAL_TLS_CLIENT_CERT_PATH: certPath,
        TEMPORAL_TLS_CLIENT_KEY_PATH: keyPath,
      },
    ]) {
      const { close } = await connectClient(serverOf(settings));
      await close();
    }
  });

  it('commands say the same, with address and namespace', async () => {
    await assert.rejects(connectClient(serverOf({ ...at('no namespace'), TEMPORAL_NAMESPACE: 'shop' })), {
      message: new RegExp(
        `^Temporal at localhost:${ports['no namespace'] ?? ''}, namespace shop: the server has no such namespace; `,
      ),
    });
    await assert.rejects(connectClient(serverOf(at('denies at once'))), /TEMPORAL_API_KEY/);
  });
});
