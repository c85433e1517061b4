import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { parse } from 'yaml';
import { makeOpenFolder } from '../../../dev/servers/cache.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { startPostgres } from '../../../dev/servers/postgres.ts';
import { runCommand } from '../../../dev/servers/run-command.ts';
import type { RunningServer } from '../../../dev/servers/start-server.ts';
import { startTemporal } from '../../../dev/servers/temporal.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import { build } from '../../support/build.ts';
import { startDeployedNats } from '../../support/deployed-nats.ts';
import { post } from '../../support/http.ts';
import { projectRoot } from '../../support/project-root.ts';
import { assertBalanced, place, untilStatus } from '../../support/orders.ts';
import { createProcesses, entryPoints, type Processes, type ProcessName } from '../../support/processes.ts';
import { listProducts } from '../../support/products.ts';
import { progress, searchAttributes, testDataDir } from '../../support/servers.ts';
import { audience, bearer, issuer, sign, signingKey } from '../../support/tokens.ts';

/** `.env` as a person fills it in. */
const passwords = new Map<string, string>();
const login = signingKey('RS256');
const identityProvider: Readonly<Record<string, string>> = {
  AUTH_ISSUER: issuer,
  AUTH_AUDIENCE: audience,
  // In one line, as `.env` takes it.
  AUTH_PUBLIC_KEY: String(login.publicKey.export({ type: 'spki', format: 'pem' })).replaceAll('\n', '\\n'),
};
const valueOf = (name: string, fallback: string): string => {
  if (!name.endsWith('PASSWORD')) return identityProvider[name] ?? fallback;
  const password = passwords.get(name) ?? randomBytes(12).toString('hex');
  passwords.set(name, password);
  return password;
};

type Environments = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What compose hands to each service, with `.env` filled in. */
async function composeEnvironments(): Promise<Environments> {
  const text = await readFile(join(projectRoot, 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as {
    services: Record<string, { environment?: Record<string, unknown> }>;
  };
  const fill = (value: unknown): string =>
    String(value).replace(/\$\{(\w+):[?-]([^}]*)\}/g, (_all, name: string, fallback: string) =>
      valueOf(name, fallback),
    );
  return Object.fromEntries(
    Object.entries(services).map(([name, { environment = {} }]) => [
      name,
      Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, fill(value)])),
    ]),
  );
}

describe('the processes as compose runs them, without containers', function () {
  this.timeout(120_000);
  const servers: RunningServer[] = [];
  let processes: Processes<ProcessName> | undefined;
  let owner: Knex | undefined;
  let environments: Environments;

  /** Names of services in addresses → where they are here. */
  const places = new Map<string, string>();
  const here = (environment: Readonly<Record<string, string>> = {}): Record<string, string> =>
    Object.fromEntries(
      Object.entries({ ...environment, HOST: '127.0.0.1' }).map(([key, value]) => [
        key,
        [...places].reduce((text, [service, address]) => text.replace(service, address), value),
      ]),
    );

  before(async function () {
    this.timeout(600_000);
    environments = await composeEnvironments();
    const dir = join(await testDataDir(), 'compose');
    await makeOpenFolder(dir);
    const options = async (
      folder: string,
    ): Promise<{ dir: string; port: number; progress: typeof progress }> => ({
      dir: join(dir, folder),
      port: await freePort(),
      progress,
    });
    const postgres = await startPostgres({ ...(await options('postgres')), durability: 'none' });
    servers.push(postgres);
    places.set('postgres:5432', new URL(postgres.url).host);
    await createLogins(postgres.url, environments['postgres'] ?? {});

    const nats = await options('nats');
    await mkdir(nats.dir, { recursive: true });
    servers.push(await startDeployedNats(nats, environments['nats'] ?? {}));
    places.set('nats:4222', `127.0.0.1:${nats.port}`);

    const namespace = environments['worker']?.['TEMPORAL_NAMESPACE'] ?? '';
    const temporal = await startTemporal({
      ...(await options('temporal')),
      persistent: false,
      namespace,
      searchAttributes,
    });
    servers.push(temporal);
    places.set('temporal:7233', temporal.address);

    const built = await build();
    const migrate = join(built, 'db/migrate.main.js');
    await runCommand(process.execPath, [migrate], { progress, env: here(environments['migrate']) });
    const { DATABASE_URL: url = '' } = here(environments['migrate']);
    owner = connect({ url, poolSize: 2, applicationName: 'test' });
    await listProducts(owner, [{ sku: 'COFFEE', onHand: 10 }]);
    processes = await createProcesses(entryPoints, { built, logDir: join(dir, 'logs'), env: {} });
  });
  after(async () => {
    await processes?.stopAll();
    await owner?.destroy();
    for (const server of servers.reverse()) await server.stop();
  });

  it('an order runs to its delivery, with the tokens, users, passwords and rights of the deployment', async () => {
    assert.ok(processes && owner);
    const running = processes;
    await Promise.all(
      (Object.keys(entryPoints) as ProcessName[]).map((name) =>
        running.start(name, {
          env: { ...here(environments[name]), CARRIER_DISPATCH_MS: '100', CARRIER_DELIVERY_MS: '100' },
        }),
      ),
    );
    const customer = { urls: running.urls, headers: bearer(await sign(login)) };
    const id = await place(customer, {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
    });
    await untilStatus(customer, [id], ['DELIVERED']);
    await assertBalanced(owner);

    const { 'command-api': commandApi, 'query-api': queryApi } = running.urls;
    assert.equal((await post(`${commandApi}/orders`, {})).status, 401);
    assert.equal((await fetch(`${queryApi}/orders/${id}`)).status, 401);
    const other = bearer(await sign(login, { customer_id: 'customer-2' }));
    assert.equal((await fetch(`${queryApi}/orders/${id}`, { headers: other })).status, 404);
  });
});

/** Runs the statements of `deploy/postgres-roles.sh` as the image's shell would. */
async function createLogins(url: string, environment: Readonly<Record<string, string>>): Promise<void> {
  const script = await readFile(join(projectRoot, 'deploy/postgres-roles.sh'), 'utf8');
  const variables = new Map(
    [...script.matchAll(/--set (\w+)="\$(\w+)"/g)].map(([, name = '', variable = '']) => [
      name,
      environment[variable] ?? '',
    ]),
  );
  const [, sql = ''] = /<<'SQL'\n(.*)\nSQL/s.exec(script) ?? [];
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of sql.split(';').filter((text) => text.trim() !== '')) {
      await client.query(
        statement.replace(/:'(\w+)'/g, (_all, name: string) => pg.escapeLiteral(variables.get(name) ?? '')),
      );
    }
  } finally {
    await client.end();
  }
}
