import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { toClientOptions, type ClientConfigTLS, type ConfigDataSource } from '@temporalio/envconfig';
import { z } from 'zod';
import { messageOf } from '../error-serializer.ts';
import { host, hostAndPort, namespace } from '../settings/values.ts';
import { METADATA_PREFIX, NO_CONFIG_FILE } from './profile.ts';

/** Where Temporal is and who we are to it, by the variables that its own tools read (`@temporalio/envconfig`). */

/** Headers, by variable: `TEMPORAL_GRPC_META_X_TENANT` is the header `x-tenant`. */
export const METADATA = `${METADATA_PREFIX}*`;

/** gRPC refuses other characters in a header, and servers long headers. */
const header = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const MOST_HEADER = 8_000;
const apiKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces')
  .max(MOST_HEADER, {
    error: `must have up to ${MOST_HEADER} characters`,
  });

type Fault = (pem: Buffer) => string | undefined;

const canParse = (parse: () => unknown): boolean => {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
};
const certificateFault: Fault = (pem) =>
  canParse(() => new X509Certificate(pem)) ? undefined : 'must be a certificate in PEM';
const privateKeyFault: Fault = (pem) =>
  canParse(() => createPrivateKey(pem)) ? undefined : 'must be a private key in PEM without a passphrase';
const clientCertificateFault: Fault = (pem) => {
  const fault = certificateFault(pem);
  if (fault !== undefined) return fault;
  const { validFrom, validTo } = new X509Certificate(pem);
  const now = Date.now();
  if (Date.parse(validTo) < now)
    return `must be a certificate that is valid now; this one expired on ${validTo}`;
  if (Date.parse(validFrom) > now)
    return `must be a certificate that is valid now; this one is valid from ${validFrom} on`;
  return undefined;
};

/** A fault ends the checks: what looks at several settings may rely on each. */
const inFile = (what: string, faultOf: Fault): z.ZodString =>
  z.string().superRefine((path, context) => {
    try {
      const message = faultOf(readFileSync(path));
      if (message !== undefined)
        context.addIssue({ code: 'custom', message: `${message}, in a file`, continue: false });
    } catch (error) {
      const message = existsSync(path)
        ? `must be a file that can be read: ${messageOf(error)}`
        : `must be a file that is there, with ${what}`;
      context.addIssue({ code: 'custom', message, continue: false });
    }
  });
const inText = (faultOf: Fault): z.ZodString =>
  z.string().superRefine((text, context) => {
    const message = faultOf(Buffer.from(text));
    if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
  });

const yesOrNo = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((value) => value === 'true' || value === '1');

const profile = {
  /** A TOML file with profiles. Absent: the user's own, where there is one. */
  TEMPORAL_CONFIG_FILE: z
    .string()
    .refine((path) => existsSync(path), {
      error: `must be a file that is there, or ${NO_CONFIG_FILE} for none`,
    })
    .optional(),
  /** The profile of that file to use; variables that are set win over what is in it. Absent: `default`. */
  TEMPORAL_PROFILE: z.string().optional(),
};

const namespaceSetting = { TEMPORAL_NAMESPACE: namespace.default('default') };

/** For what only has to know which namespace it is. */
export const temporalNamespaceSettings = { ...profile, ...namespaceSetting };

/** For what connects. */
export const temporalSettings = {
  ...profile,
  ...namespaceSetting,
  TEMPORAL_ADDRESS: hostAndPort.default('127.0.0.1:7233'),
  /** Set: TLS is used unless TEMPORAL_TLS is false, as Temporal Cloud wants it. */
  TEMPORAL_API_KEY: apiKey.optional(),
  /** Absent: TLS is used where an API key or one of the variables TEMPORAL_TLS_* is set. */
  TEMPORAL_TLS: yesOrNo.optional(),
  /** With its private key, where the server asks for one (mTLS). */
  TEMPORAL_TLS_CLIENT_CERT_PATH: inFile('a certificate in PEM', clientCertificateFault).optional(),
  TEMPORAL_TLS_CLIENT_CERT_DATA: inText(clientCertificateFault).optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: inFile('a private key in PEM', privateKeyFault).optional(),
  TEMPORAL_TLS_CLIENT_KEY_DATA: inText(privateKeyFault).optional(),
  /** Who has signed the server's certificate. Absent: the authorities that this machine trusts. */
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: inFile('a certificate in PEM', certificateFault).optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_DATA: inText(certificateFault).optional(),
  /** The name in the server's certificate, where it is not the host of TEMPORAL_ADDRESS. */
  TEMPORAL_TLS_SERVER_NAME: host.optional(),
  /** Other SDKs know it; this one always verifies, and says so instead of ignoring it. */
  TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: z
    .enum(['false', '0'], {
      error:
        'must be false or absent: the certificate is always verified; set TEMPORAL_TLS_SERVER_CA_CERT_PATH and TEMPORAL_TLS_SERVER_NAME instead',
    })
    .optional(),
  /** Headers of every call, such as for a proxy: TEMPORAL_GRPC_META_X_TENANT is the header x-tenant. */
  [METADATA]: z
    .record(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_]*$/, 'must be named with letters, digits and "_"'),
      z
        .string()
        .regex(header, 'must be visible ASCII characters')
        .max(MOST_HEADER, { error: `must have up to ${MOST_HEADER} characters` }),
      { error: 'must be visible ASCII characters' },
    )
    .optional(),
};

type TemporalConfig = z.infer<z.ZodObject<typeof temporalSettings>>;

const PAIRS = ['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT'] as const;

/** Settings that are of no use, or that contradict each other. */
export function requireTemporalAccess(config: TemporalConfig, context: z.RefinementCtx): void {
  const refuse = (variable: keyof TemporalConfig, message: string): void => {
    context.addIssue({ code: 'custom', path: [variable], message });
  };
  for (const what of PAIRS) {
    const [path, data] = [`TEMPORAL_TLS_${what}_PATH`, `TEMPORAL_TLS_${what}_DATA`] as const;
    if (config[path] !== undefined && config[data] !== undefined)
      refuse(path, `must not be set beside ${data}, which says the same`);
  }
  const certificate = pemOf(config, 'CLIENT_CERT');
  const key = pemOf(config, 'CLIENT_KEY');
  if (certificate && !key)
    refuse(
      'TEMPORAL_TLS_CLIENT_KEY_PATH',
      'must be set with the client certificate, which is of no use without its key',
    );
  if (key && !certificate)
    refuse(
      'TEMPORAL_TLS_CLIENT_CERT_PATH',
      'must be set with the private key, which is of no use without its certificate',
    );
  if (certificate && key && !new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)))
    refuse(
      config.TEMPORAL_TLS_CLIENT_KEY_PATH === undefined
        ? 'TEMPORAL_TLS_CLIENT_KEY_DATA'
        : 'TEMPORAL_TLS_CLIENT_KEY_PATH',
      'must be the private key of the client certificate; this is the key of another one',
    );
  if (config.TEMPORAL_API_KEY !== undefined && 'AUTHORIZATION' in (config[METADATA] ?? {}))
    refuse(
      'TEMPORAL_API_KEY',
      `must not be set beside ${METADATA_PREFIX}AUTHORIZATION, which is the same header`,
    );
}

/** The file may be removed between two looks; connecting says so then. */
function pemOf(config: TemporalConfig, what: (typeof PAIRS)[number]): Buffer | undefined {
  const source = sourceOf(config, what);
  if (!source) return undefined;
  return 'path' in source ? readFileSync(source.path) : Buffer.from(source.data);
}

function sourceOf(config: TemporalConfig, what: (typeof PAIRS)[number]): ConfigDataSource | undefined {
  const path = config[`TEMPORAL_TLS_${what}_PATH`];
  if (path !== undefined) return { path };
  const data = config[`TEMPORAL_TLS_${what}_DATA`];
  return data === undefined ? undefined : { data };
}

/** A namespace of a server, and how to connect to it. */
export interface TemporalServer {
  readonly namespace: string;
  /** What `Connection.connect` and `NativeConnection.connect` take. */
  readonly connection: {
    readonly address: string;
    readonly apiKey?: string;
    readonly tls?: NonNullable<ReturnType<typeof toClientOptions>['connectionOptions']['tls']>;
    readonly metadata?: Record<string, string>;
  };
}

/** What the settings say, with the contents of the files that they name. */
export function temporalServerOf(config: TemporalConfig): TemporalServer {
  const sources = {
    clientCert: sourceOf(config, 'CLIENT_CERT'),
    clientKey: sourceOf(config, 'CLIENT_KEY'),
    serverCACert: sourceOf(config, 'SERVER_CA_CERT'),
    serverName: config.TEMPORAL_TLS_SERVER_NAME,
    disabled: config.TEMPORAL_TLS === undefined ? undefined : !config.TEMPORAL_TLS,
  };
  const tls = withoutUndefined(sources) as ClientConfigTLS;
  const grpcMeta = Object.fromEntries(
    Object.entries(config[METADATA] ?? {}).map(([name, value]) => [
      name.toLowerCase().replaceAll('_', '-'),
      value,
    ]),
  );
  const { connectionOptions } = toClientOptions({
    address: config.TEMPORAL_ADDRESS,
    ...(config.TEMPORAL_API_KEY === undefined ? {} : { apiKey: config.TEMPORAL_API_KEY }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(Object.keys(grpcMeta).length === 0 ? {} : { grpcMeta }),
  });
  const { address = config.TEMPORAL_ADDRESS, apiKey: key, tls: options, metadata } = connectionOptions;
  return {
    namespace: config.TEMPORAL_NAMESPACE,
    connection: {
      address,
      ...(key === undefined ? {} : { apiKey: key }),
      ...(options === undefined || options === null ? {} : { tls: options }),
      ...(metadata === undefined ? {} : { metadata: grpcMeta }),
    },
  };
}

const withoutUndefined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
