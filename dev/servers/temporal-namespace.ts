import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { grpcStatus, grpcStatusOf } from '../../platform/temporal/grpc-status.ts';

type SearchAttributeType = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

/** Name → type, such as `{ OrderStatus: 'Keyword' }`. */
export type SearchAttributes = Readonly<Record<string, SearchAttributeType>>;

interface WantedNamespace {
  readonly name: string;
  /** How long the histories of ended workflows are kept. */
  readonly retentionDays: number;
  readonly searchAttributes: SearchAttributes;
}

const CONNECT_LIMIT_MS = 2_000;
const LIMIT_MS = 5_000;
/** As the API numbers them. */
const TYPE_NUMBERS: Readonly<Record<SearchAttributeType, number>> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
};

/** Rejects until workflows of the namespace can be started and listed. */
export const askNamespace = (address: string, namespace: string): Promise<void> =>
  withConnection(address, (connection) => requireService(connection, namespace));

/** Makes what is missing. To be called again when it rejects: the server is then not ready for it yet. */
export const prepareNamespace = (address: string, wanted: WantedNamespace): Promise<void> =>
  withConnection(address, async (connection) => {
    const { name: namespace } = wanted;
    await register(connection, wanted);
    const known = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(wanted.searchAttributes).filter(
      ([name]) => known.customAttributes[name] === undefined,
    );
    if (missing.length > 0)
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, TYPE_NUMBERS[type]])),
      });
    await requireService(connection, namespace);
  });

async function register(connection: Connection, { name, retentionDays }: WantedNamespace): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace: name });
  } catch (error) {
    if (grpcStatusOf(error) !== grpcStatus.NOT_FOUND) throw error;
    await connection.workflowService.registerNamespace({
      namespace: name,
      workflowExecutionRetentionPeriod: msToTs(`${retentionDays} days`),
    });
  }
}

/**
 * Rejects until the parts of the server answer that come last: the namespace cache behind listings, and the history service,
 * which the frontend finds a moment after it answers itself.
 */
async function requireService({ workflowService }: Connection, namespace: string): Promise<void> {
  await workflowService.describeNamespace({ namespace });
  await workflowService.listWorkflowExecutions({ namespace, pageSize: 1 });
  try {
    await workflowService.describeWorkflowExecution({ namespace, execution: { workflowId: 'not-there' } });
  } catch (error) {
    if (grpcStatusOf(error) !== grpcStatus.NOT_FOUND) throw error;
  }
}

async function withConnection(
  address: string,
  use: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_LIMIT_MS });
  try {
    await connection.withDeadline(Date.now() + LIMIT_MS, () => use(connection));
  } finally {
    await connection.close();
  }
}
