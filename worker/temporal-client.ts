import { Client, Connection } from '@temporalio/client';
import { dataConverter } from '../platform/temporal-data.ts';
import { outOfReach } from '../platform/tool.ts';

interface TemporalSettings {
  readonly address: string;
  readonly namespace: string;
  /** Set: TLS and this key are used. */
  readonly apiKey?: string | undefined;
}

const CONNECT_WITHIN_MS = 10_000;

/** For a command that runs and ends. @throws Error that names the address, while Temporal does not answer */
export async function connectClient({
  address,
  namespace,
  apiKey,
}: TemporalSettings): Promise<{ client: Client; close: () => Promise<void> }> {
  try {
    const connection = await Connection.connect({
      address,
      connectTimeout: CONNECT_WITHIN_MS,
      ...(apiKey === undefined ? {} : { tls: true, apiKey }),
    });
    return { client: new Client({ connection, namespace, dataConverter }), close: () => connection.close() };
  } catch (cause) {
    throw new Error(outOfReach('TEMPORAL_ADDRESS', { TEMPORAL_ADDRESS: address }), { cause });
  }
}
