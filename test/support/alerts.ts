import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectRoot } from './project-root.ts';

const rules = z.array(z.looseObject({ alert: z.string(), expr: z.string() }));

interface Alert {
  readonly alert: string;
  /** Names of the metrics that its expression reads. */
  readonly metrics: readonly string[];
}

/** Of an expression, what names no metric: labels. */
const LABELS = /\bby \([^)]*\)|\{[^}]*\}/g;
/** A name with an underscore that is not called: functions with one, such as `max_over_time`, are. */
const METRIC = /\b[a-z]+(?:_[a-z]+)+\b(?!\s*\()/g;

/** The alert rules in sections of docs/operations.md, by the titles of these. */
export async function readAlerts(titles: readonly string[]): Promise<readonly Alert[]> {
  const page = await readFile(join(projectRoot, 'docs/operations.md'), 'utf8');
  return page
    .split(/^## /m)
    .filter((section) => titles.includes(section.slice(0, section.indexOf('\n')).trim()))
    .flatMap((section) => [...section.matchAll(/^```yaml\n([^]*?)^```$/gm)])
    .flatMap(([, block = '']) => rules.parse(parse(block)))
    .map(({ alert, expr }) => ({ alert, metrics: expr.replaceAll(LABELS, '').match(METRIC) ?? [] }));
}
