import type { ReadEvent } from './outbox-readers.ts';

/** What a consumer finds wrong that knows each aggregate's last version: nothing may be missing, repeats may come. */
export function faultsOf(published: readonly ReadEvent[], committed: ReadonlySet<string>): string[] {
  const last = new Map<string, number>();
  const gaps: string[] = [];
  for (const { aggregateId, aggregateVersion } of published) {
    const seen = last.get(aggregateId) ?? 0;
    if (aggregateVersion > seen + 1) gaps.push(`${aggregateId}: ${aggregateVersion} after ${seen}`);
    last.set(aggregateId, Math.max(seen, aggregateVersion));
  }
  const ids = new Set(published.map(({ id }) => id));
  return [
    ...gaps,
    ...[...committed].filter((id) => !ids.has(id)).map((id) => `missing ${id}`),
    ...[...ids].filter((id) => !committed.has(id)).map((id) => `never committed ${id}`),
  ];
}
