import type { NativeConnection } from '@temporalio/worker';
import { SEARCH_ATTRIBUTES } from '../domain/topology.ts';
import { NotReady } from '../platform/readiness.ts';
import { isRefusal } from '../platform/temporal/connection-problem.ts';
import { grpcStatus, grpcStatusOf } from '../platform/temporal/grpc-status.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` in Temporal's API. */
const KEYWORD = 2;

/** The sagas' search attributes are not there, and this worker may not add them. */
export class SearchAttributesMissing extends NotReady {
  /** Any of them adds what is missing. */
  readonly commands: readonly string[];

  constructor(missing: readonly string[], namespace: string, cause: unknown) {
    const [command] = commandsFor(missing, '"$TEMPORAL_NAMESPACE"');
    super(
      `the namespace lacks search attributes, and the server does not let this worker add them; run: ${command}`,
      { cause },
    );
    this.commands = commandsFor(missing, namespace);
  }
}

/** With Temporal's own tool, and with that of Temporal Cloud. */
const commandsFor = (names: readonly string[], namespace: string): [temporal: string, tcld: string] => [
  `temporal operator search-attribute create --namespace ${namespace} ${names
    .map((name) => `--name ${name} --type Keyword`)
    .join(' ')}`,
  `tcld namespace search-attributes add --namespace ${namespace} ${names
    .map((name) => `--search-attribute ${name}=Keyword`)
    .join(' ')}`,
];

export interface SearchAttributes {
  /** Those that were missing and are registered now. */
  readonly added: readonly string[];
  /** Those of which the server does not say whether they are there. */
  readonly unknown: readonly string[];
}

/**
 * Registers the sagas' search attributes that the namespace lacks: a workflow that sets an unknown one never gets on.
 * @throws SearchAttributesMissing where the server does not let this worker add them, as Temporal Cloud
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
): Promise<SearchAttributes> {
  const { missing, unknown } = await findMissing(connection, namespace);
  if (missing.length === 0) return { added: [], unknown };
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    // Another worker was faster.
    if (grpcStatusOf(error) === grpcStatus.ALREADY_EXISTS) return { added: [], unknown };
    if (isRefusal(error)) throw new SearchAttributesMissing(missing, namespace, error);
    throw error;
  }
  return { added: missing, unknown };
}

interface Found {
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
}

async function findMissing(connection: NativeConnection, namespace: string): Promise<Found> {
  const names = Object.values(SEARCH_ATTRIBUTES);
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return { missing: names.filter((name) => customAttributes[name] === undefined), unknown: [] };
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  // Who may not list them may search by them, which fails for one that is not there.
  const states = await Promise.all(names.map((name) => stateOf(connection, namespace, name)));
  return {
    missing: names.filter((_name, at) => states[at] === 'MISSING'),
    unknown: names.filter((_name, at) => states[at] === 'UNKNOWN'),
  };
}

async function stateOf(
  connection: NativeConnection,
  namespace: string,
  name: string,
): Promise<'PRESENT' | 'MISSING' | 'UNKNOWN'> {
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} IS NOT NULL` });
    return 'PRESENT';
  } catch (error) {
    if (grpcStatusOf(error) === grpcStatus.INVALID_ARGUMENT) return 'MISSING';
    if (isRefusal(error)) return 'UNKNOWN';
    throw error;
  }
}
