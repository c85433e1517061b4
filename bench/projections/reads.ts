import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../dev/servers/free-port.ts';
import { bearer } from '../../test/support/tokens.ts';
import type { Callers } from '../accept/callers.ts';
import { productionFlags, startApiServer, type ApiServer } from '../api-servers.ts';
import { startForked } from '../forked.ts';
import { inTurn, type Measurement, type Side } from '../relay/rates.ts';
import { reads } from '../scenarios/projections.ts';
import type { ProjectorProcess } from './projector-process.ts';
import type { ProjectionsRun } from './projections-run.ts';
import { followViews, READ_PREFIX } from './read-views.ts';
import type { ReadResult, Readers } from './readers.ts';
import type { RecordedAnswer, ServerSettings, Target } from './reads-protocol.ts';

export const routes = { order: 'GET /orders/:id', sales: 'GET /analytics/sales' } as const;
export const servers = {
  api: 'query API',
  express: 'plain Express, the same bytes',
  unheard: 'query API that hears no projector',
} as const;

/** What was measured of one server and one route, by round. */
export interface ReadCell {
  readonly what: string;
  readonly result: ReadResult;
}

export interface Reads {
  readonly rates: readonly Measurement[];
  readonly cells: readonly ReadCell[];
  /** Mean bytes of an answer, by route. */
  readonly bytes: Readonly<Record<string, number>>;
}

export interface ReadersOfViews {
  readonly readers: Readers;
  readonly callers: Callers;
}

/**
 * The query API, once as it runs beside a projector and once where it has to ask the database for everything, beside a
 * server that has nothing to do but to send the same answers.
 */
export async function measureReads(
  run: ProjectionsRun,
  projector: ProjectorProcess,
  { readers, callers }: ReadersOfViews,
): Promise<Reads> {
  const { stores, closers, databaseUrl, progress, rounds, seconds } = run;
  const { targets, stop } = await followViews(run, projector, callers);
  const start = (settings: Callers['settings']): Promise<ApiServer> =>
    startApiServer({ stores, closers, settings }, 'query-api', databaseUrl);
  const api = await start({ ...callers.settings, STREAM_PREFIX: READ_PREFIX });
  const unheard = await start(callers.settings);
  const answers = await record(api.url, [...targets.order, ...targets.sales]);
  const express = await startRecorded(run, answers);
  const cells: ReadCell[] = [];

  const side = (server: keyof typeof servers, route: keyof typeof routes): Side => {
    const { url, pid } = { api, express, unheard }[server];
    const what = `${routes[route]}, ${servers[server]}`;
    const load = { url, targets: targets[route], connections: reads.connections };
    return {
      what,
      measure: async () => {
        await readers.read({ ...load, seconds: reads.warmUpSeconds }, {});
        const result = await readers.read({ ...load, seconds }, { server: pid, ...stores.processes });
        cells.push({ what, result });
        return result;
      },
    };
  };
  const rates = await inTurn(
    [
      ...(['api', 'express', 'unheard'] as const).map((server) => side(server, 'order')),
      ...(['unheard', 'express', 'api'] as const).map((server) => side(server, 'sales')),
    ],
    (done) => done < rounds,
    progress,
  );
  await Promise.all([api.stop(), express.stop(), unheard.stop()]);
  await stop();
  return {
    rates,
    cells,
    bytes: { order: meanBytes(answers, '/orders'), sales: meanBytes(answers, '/analytics') },
  };
}

/** @throws Error when something is not answered 200 */
async function record(url: string, targets: readonly Target[]): Promise<RecordedAnswer[]> {
  const answers: RecordedAnswer[] = [];
  for (const { path, token } of targets) {
    const response = await fetch(`${url}${path}`, { headers: bearer(token) });
    if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`);
    const contentType = response.headers.get('content-type') ?? '';
    answers.push({ path, contentType, body: await response.text() });
  }
  return answers;
}

async function startRecorded(
  { stores, closers }: ProjectionsRun,
  answers: readonly RecordedAnswer[],
): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
  const settings: ServerSettings = { port: await freePort(), file: join(stores.dir, 'recorded.json') };
  await writeFile(settings.file, JSON.stringify(answers));
  const forked = await startForked<{ ask: 'end' }, never>({
    name: 'recorded answers',
    file: join(import.meta.dirname, 'recorded.main.ts'),
    settings,
    closers,
    flags: productionFlags,
  });
  return {
    url: `http://127.0.0.1:${settings.port}`,
    pid: forked.pid,
    stop: () => forked.end({ ask: 'end' }),
  };
}

function meanBytes(answers: readonly RecordedAnswer[], route: string): number {
  const sizes = answers
    .filter(({ path }) => path.startsWith(route))
    .map(({ body }) => Buffer.byteLength(body));
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}
