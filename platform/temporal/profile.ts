import { existsSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import {
  loadClientConfig,
  loadClientConfigFromToml,
  type ClientConfig,
  type ClientConfigProfile,
  type ConfigDataSource,
} from '@temporalio/envconfig';

/** Settings of a profile in Temporal's configuration file, by the variables that mean the same. */
export interface TemporalProfile {
  readonly variables: Readonly<Record<string, string>>;
  /** Where they come from, for messages: `profile prod of /etc/temporal.toml`. */
  readonly origin: string;
}

/** Why the file or the profile cannot be used, with the variable that names it. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
  readonly variable: 'TEMPORAL_CONFIG_FILE' | 'TEMPORAL_PROFILE';

  constructor(variable: ProfileError['variable'], message: string) {
    super(message);
    this.variable = variable;
  }
}

/** Of TEMPORAL_GRPC_META_*, which envconfig and the CLI read as well. */
export const METADATA_PREFIX = 'TEMPORAL_GRPC_META_';
const DEFAULT_PROFILE = 'default';
const DEFAULT_FILE = "the user's default configuration file of Temporal";

/** A file that holds nothing, so that the user's default file is not read either. */
export const NO_CONFIG_FILE = devNull;

/**
 * Reads the profile that TEMPORAL_PROFILE names of the file that TEMPORAL_CONFIG_FILE names, as Temporal's own tools do:
 * without a name it is `default`, without a file the user's own. @throws ProfileError
 */
export function readTemporalProfile(environment: NodeJS.ProcessEnv): TemporalProfile {
  const file = given(environment['TEMPORAL_CONFIG_FILE']);
  const name = given(environment['TEMPORAL_PROFILE']);
  const profiles = file === undefined ? defaultProfiles(environment) : profilesOf(file);
  const place = file ?? DEFAULT_FILE;
  const names = Object.keys(profiles);
  const profile = profiles[name ?? DEFAULT_PROFILE];
  if (profile)
    return {
      variables: variablesOf(profile),
      origin: `profile ${name ?? DEFAULT_PROFILE} of ${place}`,
    };
  const present = names.length === 0 ? 'has no profiles' : `has the profiles ${names.join(', ')}`;
  if (name !== undefined)
    throw new ProfileError('TEMPORAL_PROFILE', `must be a profile that is there; ${place} ${present}`);
  // Its author means one of them, and must not end up at the default address.
  if (file !== undefined && names.length > 0)
    throw new ProfileError(
      'TEMPORAL_PROFILE',
      `must be set, because TEMPORAL_CONFIG_FILE has no profile ${DEFAULT_PROFILE}; ${place} ${present}`,
    );
  return { variables: {}, origin: place };
}

const given = (value: string | undefined): string | undefined => (value?.trim() === '' ? undefined : value);

function profilesOf(file: string): ClientConfig['profiles'] {
  // envconfig passes over a file that is missing.
  if (!existsSync(file)) throw new ProfileError('TEMPORAL_CONFIG_FILE', 'must be a file that is there');
  return parsed(() => loadClientConfigFromToml(readFileSync(file), { strict: true }), 'must be a TOML file');
}

/** Keys that other tools have put there do not matter, so that only what cannot be read is refused. */
function defaultProfiles(environment: NodeJS.ProcessEnv): ClientConfig['profiles'] {
  const { TEMPORAL_CONFIG_FILE: _, ...others } = environment;
  const overrideEnvVars = Object.fromEntries(
    Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return parsed(
    () => loadClientConfig({ overrideEnvVars }),
    `is not set, and ${DEFAULT_FILE} cannot be used; correct that one, or set this variable to another file, or to ` +
      `${NO_CONFIG_FILE} for none`,
  );
}

function parsed(read: () => ClientConfig, refusal: string): ClientConfig['profiles'] {
  try {
    return read().profiles;
  } catch (error) {
    // What envconfig makes of a file in which no profile is.
    if (error instanceof TypeError) return {};
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new ProfileError('TEMPORAL_CONFIG_FILE', `${refusal}: ${why}`);
  }
}

function variablesOf({
  address,
  namespace,
  apiKey,
  tls,
  grpcMeta = {},
}: ClientConfigProfile): Record<string, string> {
  // TOML may hold numbers where texts are meant.
  const variables: Record<string, string | number | boolean | undefined> = {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_API_KEY: apiKey,
    ...(tls && {
      TEMPORAL_TLS: tls.disabled !== true,
      TEMPORAL_TLS_SERVER_NAME: tls.serverName,
      ...sourceVariables('CLIENT_CERT', tls.clientCert),
      ...sourceVariables('CLIENT_KEY', tls.clientKey),
      ...sourceVariables('SERVER_CA_CERT', tls.serverCACert),
    }),
  };
  for (const [header, value] of Object.entries(grpcMeta))
    variables[METADATA_PREFIX + header.toUpperCase().replaceAll('-', '_')] = value;
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

const sourceVariables = (what: string, source: ConfigDataSource | undefined): Record<string, string> => {
  if (!source) return {};
  return 'path' in source
    ? { [`TEMPORAL_TLS_${what}_PATH`]: source.path }
    : { [`TEMPORAL_TLS_${what}_DATA`]: Buffer.from(source.data).toString() };
};
