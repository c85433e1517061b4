import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadConfig,
  queryApiSchema,
  settingsOfTools,
  temporalSchema,
  useNamedTemporalProfile,
} from '../../../../platform/config.ts';
import { NO_CONFIG_FILE } from '../../../../platform/temporal/profile.ts';
import { temporalServerOf, type TemporalServer } from '../../../../platform/temporal/settings.ts';
import { createAuthority, type Authority, type KeyPair } from '../../../support/certificates.ts';

const toml = `
[profile.default]
address = "default.example.com:7233"

[profile.prod]
address = "prod.example.com:7233"
namespace = "orders.prod"
api_key = "the-key"
[profile.prod.grpc_meta]
x-tenant-of-ours = "shop"

[profile.bad]
address = "nowhere"
`;

describe('the settings for Temporal', () => {
  let dir: string;
  let file: string;
  let authority: Authority;
  let client: KeyPair;
  let other: KeyPair;
  let expired: KeyPair;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'temporal-settings-'));
    file = join(dir, 'temporal.toml');
    await writeFile(file, toml);
    authority = await createAuthority();
    client = await authority.sign('client');
    other = await authority.sign('other');
    expired = await authority.sign('expired', -1);
  });
  after(async () => {
    await authority.remove();
    await rm(dir, { recursive: true });
  });

  /** Nothing of the user's own file, unless a test wants that. */
  const load = (env: Record<string, string>): TemporalServer =>
    temporalServerOf(loadConfig(temporalSchema, { TEMPORAL_CONFIG_FILE: NO_CONFIG_FILE, ...env }));
  const refused = (env: Record<string, string>, message: RegExp): void => {
    assert.throws(() => load(env), { name: 'ConfigError', message });
  };
  const keyPair = ({ certPath, keyPath }: KeyPair, keyOf = keyPath) => ({
    TEMPORAL_TLS_CLIENT_CERT_PATH: certPath,
    TEMPORAL_TLS_CLIENT_KEY_PATH: keyOf,
  });

  it('without any, it is a server on this machine without TLS', () => {
    assert.deepEqual(load({}), { namespace: 'default', connection: { address: '127.0.0.1:7233' } });
  });

  it('an API key or a certificate means TLS; TEMPORAL_TLS=false turns it off', () => {
    assert.equal(load({ TEMPORAL_API_KEY: 'key' }).connection.tls, true);
    assert.equal(load({ TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: 'false' }).connection.tls, false);
    assert.ok(load({ TEMPORAL_TLS: '1' }).connection.tls);
    assert.ok(load({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.caPath }).connection.tls);
  });

  it('a client certificate may be in files or in variables', () => {
    const data = {
      TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert,
      TEMPORAL_TLS_CLIENT_KEY_DATA: client.key,
    };
    for (const env of [keyPair(client), data]) {
      const { tls } = load(env).connection;
      assert.ok(typeof tls === 'object');
      assert.equal(Buffer.from(tls.clientCertPair?.crt ?? []).toString(), client.cert);
    }
  });

  it('headers are taken from variables', () => {
    assert.deepEqual(load({ TEMPORAL_GRPC_META_X_TENANT_OF_OURS: 'shop' }).connection.metadata, {
      'x-tenant-of-ours': 'shop',
    });
    refused(
      { TEMPORAL_GRPC_META_X_TENANT: 'sécret' },
      /^ {2}TEMPORAL_GRPC_META_X_TENANT=…: must be visible ASCII/m,
    );
  });

  it('a profile gives what the environment does not', () => {
    const named = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' };
    assert.deepEqual(load(named), {
      namespace: 'orders.prod',
      connection: {
        address: 'prod.example.com:7233',
        apiKey: 'the-key',
        tls: true,
        metadata: { 'x-tenant-of-ours': 'shop' },
      },
    });
    const { namespace, connection } = load({
      ...named,
      TEMPORAL_NAMESPACE: 'other',
      TEMPORAL_GRPC_META_X_TENANT_OF_OURS: '',
    });
    assert.deepEqual([namespace, connection.metadata], ['other', undefined]);
    assert.equal(load({ TEMPORAL_CONFIG_FILE: file }).connection.address, 'default.example.com:7233');
    const queries = loadConfig(queryApiSchema, { AUTH_DEMO: 'true', ...named });
    assert.equal(queries.TEMPORAL_NAMESPACE, 'orders.prod', 'which the links to workflows name');
  });

  it("the user's own file is read as by Temporal's tools, and left alone where a stack or a test is started", async () => {
    await mkdir(join(dir, 'temporalio'));
    await writeFile(join(dir, 'temporalio', 'temporal.toml'), toml);
    const environment: NodeJS.ProcessEnv = { XDG_CONFIG_HOME: dir, HOME: dir, APPDATA: dir };
    const address = (): string => loadConfig(temporalSchema, environment).TEMPORAL_ADDRESS;
    if (process.platform === 'linux') assert.equal(address(), 'default.example.com:7233');
    useNamedTemporalProfile(environment);
    assert.equal(address(), '127.0.0.1:7233');
    assert.equal(
      settingsOfTools(environment)['TEMPORAL_CONFIG_FILE'],
      NO_CONFIG_FILE,
      'as its commands are told',
    );
  });

  it('a stack takes the server of a profile that is named', () => {
    const environment: NodeJS.ProcessEnv = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' };
    useNamedTemporalProfile(environment);
    assert.equal(environment['TEMPORAL_ADDRESS'], 'prod.example.com:7233');
    assert.equal(environment['TEMPORAL_NAMESPACE'], 'orders.prod');
    assert.throws(() => {
      useNamedTemporalProfile({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'production' });
    }, /TEMPORAL_PROFILE=production: /);
  });

  it('a profile or a file that is not there is refused with its variable', async () => {
    const named = { TEMPORAL_CONFIG_FILE: file };
    refused(
      { ...named, TEMPORAL_PROFILE: 'production' },
      /TEMPORAL_PROFILE=production: .*default, prod, bad/,
    );
    refused(
      { ...named, TEMPORAL_PROFILE: 'bad' },
      /TEMPORAL_ADDRESS=nowhere \(profile bad of .*\): must be a host/,
    );
    refused({ TEMPORAL_CONFIG_FILE: '/nowhere.toml' }, /TEMPORAL_CONFIG_FILE=\/nowhere.toml: must be a file/);
    for (const [text, why] of [
      ['[profile.default', /TEMPORAL_CONFIG_FILE=.*: must be a TOML file/],
      ['[profile.default]\nadress = "a:1"', /TEMPORAL_CONFIG_FILE=.*adress/],
      ['[profile.one]\naddress = "a:1"', /TEMPORAL_PROFILE: must be set.*one/],
    ] as const) {
      const written = join(dir, 'other.toml');
      await writeFile(written, text);
      refused({ TEMPORAL_CONFIG_FILE: written }, why);
    }
  });

  it('certificates that cannot work are refused with their variable', () => {
    refused(
      keyPair(client, other.keyPath),
      /TEMPORAL_TLS_CLIENT_KEY_PATH=.*: must be the private key of the client/,
    );
    refused(
      keyPair(expired),
      /TEMPORAL_TLS_CLIENT_CERT_PATH=.*: must be a certificate that is valid now.*expired/,
    );
    refused({ TEMPORAL_TLS_CLIENT_CERT_PATH: client.certPath }, /TEMPORAL_TLS_CLIENT_KEY_PATH: must be set/);
    refused({ TEMPORAL_TLS_CLIENT_KEY_PATH: client.keyPath }, /TEMPORAL_TLS_CLIENT_CERT_PATH: must be set/);
    refused(
      { ...keyPair(client), TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert },
      /TEMPORAL_TLS_CLIENT_CERT_PATH=.*: must not be set beside TEMPORAL_TLS_CLIENT_CERT_DATA/,
    );
    refused(
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: client.keyPath },
      /TEMPORAL_TLS_SERVER_CA_CERT_PATH=.*certificate/,
    );
    refused(
      { TEMPORAL_API_KEY: 'secret', TEMPORAL_GRPC_META_AUTHORIZATION: 'Bearer secret' },
      /^ {2}TEMPORAL_API_KEY=…: must not be set beside TEMPORAL_GRPC_META_AUTHORIZATION/m,
    );
  });
});
