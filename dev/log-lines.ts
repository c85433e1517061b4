import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { visible } from '../domain/characters.ts';

const entry = z.object({
  level: z.union([z.string(), z.number()]),
  msg: z.string().optional(),
  err: z.object({ message: z.string() }).optional(),
});

const WARN = 40;
const LEVELS = new Map([
  ['warn', 40],
  ['error', 50],
  ['fatal', 60],
]);

/** What to show of a log line: `warn: <message>` from level warn on, nothing of other lines. */
export function shortForm(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  const parsed = entry.safeParse(jsonOrNothing(line));
  if (!parsed.success) return undefined;
  const { level, msg = '', err } = parsed.data;
  const rank = typeof level === 'number' ? level : (LEVELS.get(level) ?? 0);
  if (rank < WARN) return undefined;
  const label =
    typeof level === 'string' ? level : ([...LEVELS].find(([, value]) => value >= rank)?.[0] ?? 'fatal');
  return visible(`${label}: ${[msg, err?.message].filter(Boolean).join(': ')}`);
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // text that only looks like JSON is no log entry
  }
}

export function eachLine(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take);
}

/** Keeps the last lines, for the report about a process that ended. */
export function createTail(size: number): { add(line: string): void; text(): string } {
  const lines: string[] = [];
  return {
    add: (line) => {
      lines.push(line);
      if (lines.length > size) lines.shift();
    },
    text: () => visible(lines.join('\n'), '\n'),
  };
}
