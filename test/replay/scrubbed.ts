import { historyToJson, type History } from '../../dev/history-json.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a replay does not need, and what is another one in each recording or tells of the machine. */
const dropped = new Set([
  'taskId',
  'identity',
  'workerVersion',
  'binaryChecksum',
  'meteringMetadata',
  'requestId',
  'historySizeBytes',
]);
/** Maps, whose entries come in any order. */
const maps = new Set(['metadata', 'indexedFields', 'fields', 'details']);
/** When all recordings begin. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

const UUID = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;

/**
 * A history as a file keeps it, an event per line: without names of machines, stack traces or random ids, and as if it had
 * begun with the year 2026, so that two recordings of one path differ where the workflow does.
 * @param keeps ids that are the same in each recording
 */
export function scrubbed(history: History, keeps: (id: string) => boolean): string {
  const { events } = historyToJson(history) as { events: { eventTime: string }[] };
  const [first] = events;
  if (!first) throw new Error('the history is empty');
  const ids = new Map<string, string>();
  const laterBy = EPOCH_MS - Date.parse(first.eventTime);
  const timeOf = (ms: number): number => Math.floor((ms + laterBy) / 1_000) * 1_000;

  const idOf = (id: string): string => {
    if (keeps(id)) return id;
    if (!ids.has(id)) ids.set(id, `00000000-0000-4000-8000-${String(ids.size + 1).padStart(12, '0')}`);
    return ids.get(id) ?? id;
  };
  const textOf = (text: string): string =>
    TIME.test(text) ? new Date(timeOf(Date.parse(text))).toISOString() : text.replace(UUID, idOf);

  const scrub = (value: Json, key = ''): Json => {
    if (typeof value === 'string') {
      if (key === 'stackTrace') return '';
      return key === 'data' ? payloadOf(value) : textOf(value);
    }
    if (Array.isArray(value)) return value.map((each) => scrub(each));
    if (value === null || typeof value !== 'object') return value;
    if (value['kind'] === 'TASK_QUEUE_KIND_STICKY') return { ...value, name: 'sticky', normalName: 'sagas' };
    const kept = Object.entries(value).filter(([name]) => !dropped.has(name));
    const entries = maps.has(key) ? kept.toSorted(([a], [b]) => (a < b ? -1 : 1)) : kept;
    return Object.fromEntries(entries.map(([name, each]) => [name, scrub(each, name)]));
  };

  /** A marker of a local activity says when it ran, which the workflow's clock follows. */
  const payloadOf = (data: string): string => {
    const text = Buffer.from(data, 'base64').toString('utf8');
    if (!text.includes('"complete_time"')) return data;
    const marker = JSON.parse(text) as Record<string, Json>;
    const { seconds } = marker['complete_time'] as { seconds: number };
    const time = { seconds: timeOf(seconds * 1_000) / 1_000, nanos: 0 };
    Object.assign(marker, { complete_time: time, original_schedule_time: time });
    return Buffer.from(JSON.stringify(marker)).toString('base64');
  };

  const lines = events.map((event) => JSON.stringify(scrub(event as unknown as Json)));
  return `{"events":[\n${lines.join(',\n')}\n]}\n`.replaceAll(
    /test-00000000-0000-4000-8000-\d{12}/g,
    'sagas',
  );
}
