import { METADATA_PREFIX, ProfileError, readTemporalProfile } from './profile.ts';

/** What a profile adds to the environment. */
interface Added {
  readonly variables: Readonly<Record<string, string>>;
  /** Where they come from, for messages. */
  readonly origin: string;
  /** Why the profile cannot be used, after the variable at fault. */
  readonly fault?: string;
}

/** A blank value counts as absent. */
export const isGiven = (value: string | undefined): boolean => (value ?? '').trim() !== '';

/** @param names the settings of the process; one without TEMPORAL_PROFILE reads no profile */
export function fromProfile(names: readonly string[], environment: NodeJS.ProcessEnv): Added {
  if (!names.includes('TEMPORAL_PROFILE')) return { variables: {}, origin: '' };
  try {
    const { variables, origin } = readTemporalProfile(environment);
    return { variables: withoutReplaced(variables, environment), origin };
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    const { variable, message } = error;
    const value = environment[variable];
    const shown = value !== undefined && isGiven(value) ? `=${value}` : '';
    return { variables: {}, origin: '', fault: `${variable}${shown}: ${message}` };
  }
}

/** A path in the environment replaces contents in the profile, and the other way round. */
const withoutReplaced = (
  variables: Readonly<Record<string, string>>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).filter(
      ([name]) =>
        !isGiven(environment[name.replace(/_PATH$/, '_DATA')]) &&
        !isGiven(environment[name.replace(/_DATA$/, '_PATH')]),
    ),
  );

/** Headers by the end of their variable's name; a blank value takes a header of the profile away. */
export function metadataOf(
  environment: NodeJS.ProcessEnv,
  variables: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  const all: [string, string | undefined][] = Object.entries({ ...variables, ...environment });
  const headers = all.flatMap(([name, value]) =>
    name.startsWith(METADATA_PREFIX) && value !== undefined && isGiven(value)
      ? [[name.slice(METADATA_PREFIX.length), value] as const]
      : [],
  );
  return headers.length === 0 ? undefined : Object.fromEntries(headers);
}
