/** A preference with its parameters; a comma within quotes ends none. */
const PREFERENCES = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g;
const IS_WAIT = /^\s*wait\s*(?:[=;]|$)/i;
const WAIT = /^\s*wait\s*=\s*(?:(\d{1,9})|"(\d{1,9})")\s*(?:;.*)?$/i;

/**
 * Seconds that a `Prefer` header asks to wait (RFC 7240, section 4.3). Of several only the first counts; one that
 * cannot be read is as if it were not there.
 * @param maximum a larger wish is cut to it
 */
export function waitPreferred(header: string | undefined, maximum: number): number | undefined {
  const wish = header?.match(PREFERENCES)?.find((preference) => IS_WAIT.test(preference));
  const [, plain, quoted] = WAIT.exec(wish ?? '') ?? [];
  const seconds = Math.min(Number(plain ?? quoted ?? 0), maximum);
  return seconds > 0 ? seconds : undefined;
}
