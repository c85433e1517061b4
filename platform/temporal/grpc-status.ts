/** gRPC's status codes, as far as this code tells them apart. */
export const grpcStatus = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAUTHENTICATED: 16,
} as const;

/** How tonic words them: the native connection passes on only text when it cannot be made. */
const tonicTexts: readonly (readonly [text: string, code: number])[] = [
  ['entity was not found', grpcStatus.NOT_FOUND],
  ['does not have permission', grpcStatus.PERMISSION_DENIED],
  ['resource has been exhausted', grpcStatus.RESOURCE_EXHAUSTED],
  ['not implemented or not supported', grpcStatus.UNIMPLEMENTED],
  ['valid authentication credentials', grpcStatus.UNAUTHENTICATED],
];

/** The gRPC status of what an SDK connection or client rejects with, which may wrap it; undefined where there is none. */
export function grpcStatusOf(error: unknown, depth = 0): number | undefined {
  if (!(error instanceof Error) || depth > 3) return undefined;
  if ('code' in error && typeof error.code === 'number') return error.code;
  const [, worded] = /Failed to call GetSystemInfo: code: '([^']*)'/.exec(error.message) ?? [];
  if (worded !== undefined)
    return tonicTexts.find(([text]) => worded.includes(text))?.[1] ?? grpcStatus.UNKNOWN;
  return grpcStatusOf(error.cause, depth + 1);
}
