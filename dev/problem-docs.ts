import { problemGuide } from '../api/problem-guide.ts';
import { problemKinds, problemTypeOf } from '../api/problems.ts';
import { requestErrors, type RequestError } from '../domain/errors.ts';

/** A section of docs/problems.md; its heading is the type without its prefix, so that it can be linked to. */
function sectionOf(code: RequestError): string {
  const { status, title, retryAfterSeconds } = problemKinds[code];
  const { when, remedy } = problemGuide[code];
  const type = problemTypeOf(code);
  const retry = retryAfterSeconds === undefined ? '' : ` with \`Retry-After: ${retryAfterSeconds}\``;
  return [
    `### ${type.split(':').at(-1) ?? type}`,
    `\`${type}\` – **${status}**${retry}: ${title}`,
    `- **When**: ${when}\n- **What to do**: ${remedy}`,
  ].join('\n\n');
}

/** By status, then as the union of codes has them. */
export const problemSections = (): string =>
  requestErrors
    .toSorted((one, other) => problemKinds[one].status - problemKinds[other].status)
    .map(sectionOf)
    .join('\n\n');
