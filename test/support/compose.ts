import { Ajv, type AnySchema } from 'ajv';
import { parse } from 'yaml';
import {
  commandApiSchema,
  migrateSchema,
  projectorSchema,
  queryApiSchema,
  workerSchema,
} from '../../platform/config.ts';

/** What each entry point in the image reads. */
const settingsOf: Readonly<Record<string, { readonly shape: object }>> = {
  'dist/db/migrate.main.js': migrateSchema,
  'dist/api/command.main.js': commandApiSchema,
  'dist/api/query.main.js': queryApiSchema,
  'dist/worker/worker.main.js': workerSchema,
  'dist/projections/projector.main.js': projectorSchema,
};

/** The part of a valid compose file that is looked at beyond its schema. */
interface ComposeFile {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image?: string;
        readonly command?: readonly string[];
        readonly environment?: Readonly<Record<string, unknown>>;
        readonly ports?: readonly string[];
      }
    >
  >;
}

/** What is wrong with a compose file by the Compose Specification's own schema. */
export function schemaFaults(compose: string, schema: AnySchema): string[] {
  // The schema uses keywords of tools that read it, which this validator does not know.
  const ajv = new Ajv({ strict: false, allErrors: true });
  // Its id names a draft address that differs from the validator's in the protocol only.
  const { $schema: _, ...draft7 } = schema as Record<string, unknown>;
  const validate = ajv.compile(draft7);
  return validate(parse(compose, { merge: true }))
    ? []
    : (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
      );
}

/** Variables that a process of ours would ignore, and ports that others than this machine can reach. */
export function serviceFaults(compose: string): string[] {
  const { services } = parse(compose, { merge: true }) as ComposeFile;
  const faults: string[] = [];
  const found = new Set<string>();
  for (const [name, { image, command = [], environment = {}, ports = [] }] of Object.entries(services)) {
    for (const port of ports) {
      if (!port.startsWith('127.0.0.1:'))
        faults.push(`${name} publishes ${port} beyond the loopback interface`);
    }
    if (image !== 'durable-orders') continue;
    const entry = command.at(-1) ?? '';
    const settings = settingsOf[entry];
    found.add(entry);
    if (!settings) faults.push(`${name} runs ${entry}, which is no entry point`);
    else faults.push(...unread(name, Object.keys(environment), settings));
  }
  for (const entry of Object.keys(settingsOf)) {
    if (!found.has(entry)) faults.push(`no service runs ${entry}`);
  }
  return faults;
}

/** APIs that would start without knowing whose tokens to trust, or that take everybody for the demo user. */
export function authFaults(compose: string): string[] {
  const { services } = parse(compose, { merge: true }) as ComposeFile;
  return ['command-api', 'query-api'].flatMap((name) => {
    const environment = services[name]?.environment ?? {};
    return [
      ...['AUTH_ISSUER', 'AUTH_AUDIENCE']
        .filter((variable) => !String(environment[variable]).startsWith(`\${${variable}:?`))
        .map((variable) => `${name} does not ask for ${variable}`),
      ...('AUTH_DEMO' in environment ? [`${name} sets AUTH_DEMO`] : []),
    ];
  });
}

/** What the command API and the worker each have of their own. */
const OWN = ['HOST', 'PORT', 'DATABASE_URL', 'DATABASE_POOL_SIZE', 'NATS_USER', 'NATS_PASSWORD'];

/** Settings that differ although both start sagas, which must not depend on who comes first. */
export function sagaFaults(compose: string): string[] {
  const { services } = parse(compose, { merge: true }) as ComposeFile;
  const of = (name: string): Readonly<Record<string, unknown>> => services[name]?.environment ?? {};
  return Object.keys(commandApiSchema.shape)
    .filter((name) => name in workerSchema.shape && !OWN.includes(name))
    .filter((name) => of('command-api')[name] !== of('worker')[name])
    .map((name) => `command-api and worker have different ${name}`);
}

/** Variables that the image sets and the worker, for which it sets them, would ignore. */
export function imageFaults(dockerfile: string): string[] {
  const lines = dockerfile.split('\n').filter((line) => line.startsWith('ENV '));
  const variables = lines.flatMap((line) => [...line.matchAll(/(\w+)=/g)].map(([, name = '']) => name));
  const node = ['NODE_ENV'];
  return unread(
    'the image',
    variables.filter((name) => !node.includes(name)),
    workerSchema,
  );
}

const unread = (who: string, variables: readonly string[], { shape }: { readonly shape: object }): string[] =>
  variables.filter((name) => !(name in shape)).map((name) => `${who} sets ${name}, which nothing reads`);

/** Variables that the compose file takes from `.env` and the example does not name, and the other way round. */
export function exampleFaults(compose: string, example: string): string[] {
  const asked = new Set([...compose.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name));
  const entries = [...example.matchAll(/^(\w+)=(.*)$/gm)];
  const offered = new Set(entries.map(([, name = '']) => name));
  return [
    ...[...asked].filter((name) => !offered.has(name)).map((name) => `${name} is not in .env.example`),
    ...[...offered].filter((name) => !asked.has(name)).map((name) => `${name} is not in docker-compose.yml`),
    ...entries
      .filter(([, name = '', value]) => name.endsWith('PASSWORD') && value !== '')
      .map(([, name = '']) => `${name} has a default`),
    ...[...compose.matchAll(/\$\{(\w+PASSWORD)(?!:\?)/g)].map(([, name = '']) => `${name} may be left empty`),
  ];
}
