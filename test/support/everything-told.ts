import { parquetReadObjects } from 'hyparquet';
import type { Client } from '@temporalio/client';
import { withNats, storedMessages } from './stream.ts';
import { leaksInside } from './internal-text.ts';
import { entryPoints, type ProcessName } from './processes.ts';
import type { System } from './system.ts';

type Told = Pick<System, 'urls' | 'topology'>;

/**
 * Searches everything that a system tells for technical text: answers of both APIs, probes, metrics, exports, live
 * events, the stream, and all that Temporal keeps of its workflows.
 * @returns what was found and where, nothing where all is well
 */
export async function leaksOf(system: Told, client: Client, orderIds: readonly string[]): Promise<string[]> {
  const found = await Promise.all([
    leaksOfAnswers(system, orderIds),
    leaksOfProbes(system),
    leaksOfExports(system),
    leaksOfLiveEvents(system, orderIds),
    leaksOfStream(system),
    leaksOfTemporal(client),
  ]);
  return found.flat();
}

const pages = [
  '/orders?limit=100',
  '/orders/search?q=cancelled&limit=100',
  '/orders/search?q=refunded&limit=100',
  '/customers',
  '/operations/sagas?state=stuck&limit=100',
  '/operations/figures',
  '/operations/projections/parked',
  '/operations/inventory',
  '/products',
];
const commandApiPages = ['/operations/outbox', '/operations/outbox/parked', '/operations/audit?limit=100'];

async function leaksOfAnswers({ urls }: Told, orderIds: readonly string[]): Promise<string[]> {
  const paths = [...pages, ...orderIds.flatMap((id) => [`/orders/${id}`, `/orders/${id}/cancellation`])];
  const addresses = [
    ...paths.map((path) => `${urls['query-api']}${path}`),
    ...commandApiPages.map((path) => `${urls['command-api']}${path}`),
  ];
  const found = await Promise.all(
    addresses.map(async (url) => leaksInside(await textOf(url), new URL(url).pathname)),
  );
  return found.flat();
}

/** Answers of any status: a problem may leak as well. */
const textOf = async (url: string): Promise<string> => (await fetch(url)).text();

async function leaksOfProbes({ urls }: Pick<Told, 'urls'>): Promise<string[]> {
  const paths = (Object.keys(entryPoints) as ProcessName[]).flatMap((name) =>
    ['healthz', 'readyz', 'metrics'].map((probe) => [`${name} ${probe}`, `${urls[name]}/${probe}`] as const),
  );
  const found = await Promise.all(
    paths.map(async ([where, url]) => leaksInside((await textOf(url)).split('\n'), where)),
  );
  return found.flat();
}

async function leaksOfExports({ urls }: Told): Promise<string[]> {
  const parquet = await fetch(`${urls['query-api']}/analytics/events.parquet`);
  const events = await parquetReadObjects({ file: await parquet.arrayBuffer() });
  const csv = await textOf(`${urls['query-api']}/analytics/sales?by=day&group=status&format=csv`);
  return [...leaksInside(events, 'events.parquet'), ...leaksInside(csv, 'sales.csv')];
}

/** What the streams of every order, and of all orders, send before they fall silent. */
async function leaksOfLiveEvents({ urls }: Told, orderIds: readonly string[]): Promise<string[]> {
  const paths = [...orderIds.map((id) => `/orders/${id}/events`), '/events?from=start'];
  const found: string[] = [];
  const readNext = async (): Promise<void> => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop())
      found.push(...leaksInside(await liveText(`${urls['query-api']}${path}`), path));
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  return found;
}

const READERS = 8;

const QUIET_MS = 500;

/** What comes until nothing has come for a while. */
async function liveText(url: string): Promise<string> {
  const over = new AbortController();
  const { body } = await fetch(url, { signal: over.signal });
  const decoder = new TextDecoder();
  let text = '';
  let timer = setTimeout(() => {
    over.abort();
  }, 10 * QUIET_MS);
  try {
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      clearTimeout(timer);
      timer = setTimeout(() => {
        over.abort();
      }, QUIET_MS);
    }
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return text;
}

async function leaksOfStream({ topology }: Told): Promise<string[]> {
  const messages = await withNats((connection) => storedMessages(connection, topology));
  return messages.flatMap(({ seq, data, header }) => [
    ...leaksInside(data, `stream ${seq}`),
    ...header.keys().flatMap((key) => leaksInside(header.values(key), `stream ${seq} ${key}`)),
  ]);
}

/** Histories, descriptions with the last failures of pending activities, search attributes, and current details. */
async function leaksOfTemporal(client: Client): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const handle = client.workflow.getHandle(workflowId, runId);
    found.push(...leaksInside(await handle.fetchHistory(), `history of ${workflowId}`));
    found.push(...leaksInside((await handle.describe()).raw, `description of ${workflowId}`));
    found.push(...leaksInside(await detailsOf(handle), `details of ${workflowId}`));
  }
  return found;
}

async function detailsOf(handle: ReturnType<Client['workflow']['getHandle']>): Promise<unknown> {
  try {
    return await handle.query('__temporal_workflow_metadata');
  } catch (error) {
    // A workflow whose code fails answers no query, and says so.
    return error instanceof Error ? error.message : error;
  }
}
