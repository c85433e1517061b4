import { shownAddress } from '../platform/shown-address.ts';
import type { StackConfig } from './dev-config.ts';
import type { ServerAddresses } from './stack-servers.ts';
import type { StackProcess } from './stack-settings.ts';

interface Welcome {
  readonly config: StackConfig;
  readonly processes: readonly StackProcess[];
  readonly dataDir: string;
  readonly addresses: ServerAddresses;
}

/** What a person needs once everything runs: where it is, and a first order to try. */
export function welcome({ config, processes, dataDir, addresses }: Welcome): string {
  const api = `http://127.0.0.1:${config.PORT}`;
  return `
Durable Orders is running. Ctrl-C stops it.

  API              ${api}
  Documentation    ${api}/docs
  Temporal Web UI  ${addresses.temporalUiUrl ?? (config.TEMPORAL_ADDRESS === undefined ? 'none; it could not be started' : 'of the server in TEMPORAL_ADDRESS')}
  Metrics          ${processes.map(({ name, port }) => `${name.padEnd(12)} http://127.0.0.1:${port}/metrics`).join('\n                   ')}
  PostgreSQL       ${databaseOf(addresses.databaseUrl, config)}
  NATS             ${addresses.natsUrl}
  Data and logs    ${dataDir}

Place the first order:

  curl -i ${api}/orders \\
    -H 'content-type: application/json' \\
    -d '{"customerId":"customer-1","lines":[{"sku":"COFFEE-1KG","quantity":2}],"paymentMethod":"pm_card_visa"}'

and see what became of it, under the Location of the answer:

  curl ${api}/orders/<orderId>

The tab "User Metadata" of its workflow in the Temporal Web UI tells each step as it happens.

${whoAsks(config)}
`;
}

const whoAsks = ({ AUTH_ISSUER }: StackConfig): string =>
  AUTH_ISSUER === undefined
    ? `Without a token you are the demo user with all roles. To be somebody else:

  curl -H "authorization: Bearer $(npm run --silent token -- --role customer --customer customer-2)" …`
    : `Who asks must send a token of ${AUTH_ISSUER}.`;

/** The embedded server has a password that everyone knows; one that was given stays out of the terminal. */
const databaseOf = (databaseUrl: string, config: StackConfig): string =>
  config.DATABASE_URL === undefined ? databaseUrl : shownAddress(databaseUrl);

export const usage = (): string => `npm start [-- --fresh] [--temporal=dev|postgres]

Starts PostgreSQL, nats-server and Temporal, the four processes, and a proxy before them.

  --fresh               begin with empty servers (those that are embedded)
  --temporal=dev        Temporal's dev server, with its data in a file (default)
  --temporal=postgres   a whole Temporal server, with its data in two databases of the stack's PostgreSQL:
                        temporal and temporal_visibility, on a server that is given <its database>_temporal and
                        <its database>_temporal_visibility. Neither kind sees workflows of the other.
  --help                show this

Settings, as environment variables:
  PORT (3000), COMMAND_API_PORT (3001), QUERY_API_PORT (3002), WORKER_PORT (3003), PROJECTOR_PORT (3004),
  POSTGRES_PORT (15432), NATS_PORT (4222), TEMPORAL_PORT (7233), TEMPORAL_UI_PORT (8233)
                                              where things listen
  DATABASE_URL, NATS_URL, TEMPORAL_ADDRESS    servers to use instead of the embedded ones
  TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE      a profile of Temporal's tools, with such a server; used only if named
  TEMPORAL_UI_URL                             the Web UI of a Temporal server that is given
  AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS_URL   an identity provider in place of a demo user and npm run token
  DATA_DIR                                    data and logs; default: a folder of this clone in the cache
  DURABLE_ORDERS_CACHE                        the cache, with the servers that were fetched
Everything else is passed on to the processes, such as INVENTORY_FAILURE_RATE=0.2.`;
