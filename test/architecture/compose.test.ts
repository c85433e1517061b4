import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { AnySchema } from 'ajv';
import { SEARCH_ATTRIBUTES } from '../../domain/topology.ts';
import {
  authFaults,
  exampleFaults,
  imageFaults,
  sagaFaults,
  schemaFaults,
  serviceFaults,
} from '../support/compose.ts';
import { projectRoot } from '../support/project-root.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const compose = read('docker-compose.yml');
const example = read('.env.example');
const dockerfile = read('Dockerfile');
// The linter's package carries the Compose Specification's schema.
const linter = createRequire(import.meta.url).resolve('dclint/package.json');
const schema = JSON.parse(
  readFileSync(join(dirname(linter), 'schemas/compose.schema.json'), 'utf8'),
) as AnySchema;

/** @throws AssertionError when there is nothing to replace, so that a planted fault is one. */
function replaced(text: string, from: string, to: string): string {
  assert.ok(text.includes(from), from);
  return text.replace(from, to);
}

describe('the deployment files', () => {
  it('docker-compose.yml is what the Compose Specification allows', () => {
    assert.deepEqual(schemaFaults(compose, schema), []);
  });
  it('each variable that a process is given is one that it reads, and ports are on the loopback interface', () => {
    assert.deepEqual(serviceFaults(compose), []);
    assert.deepEqual(imageFaults(dockerfile), []);
  });
  it('command API and worker start sagas alike', () => {
    assert.deepEqual(sagaFaults(compose), []);
  });
  it('both APIs ask whose tokens to trust, and neither knows a demo user', () => {
    assert.deepEqual(authFaults(compose), []);
  });
  it('.env.example names each variable that compose asks for, and no password has a default', () => {
    assert.deepEqual(exampleFaults(compose, example), []);
  });
  it('the namespace gets the search attributes that the sagas set', () => {
    const script = read('deploy/temporal-namespace.sh');
    for (const name of Object.values(SEARCH_ATTRIBUTES))
      assert.ok(script.includes(`add_search_attribute ${name}`), name);
  });

  it('a key that compose does not know is found', () => {
    const [fault] = schemaFaults(replaced(compose, 'stop_grace_period', 'stop_grace_time'), schema);
    assert.match(fault ?? '', /stop_grace_time/);
  });
  it('a variable that nothing reads is found', () => {
    const faults = serviceFaults(replaced(compose, 'NATS_USER: worker', 'NATS_LOGIN: worker'));
    assert.deepEqual(faults, ['worker sets NATS_LOGIN, which nothing reads']);
    assert.deepEqual(imageFaults(replaced(dockerfile, 'WORKFLOW_BUNDLE=', 'BUNDLE=')), [
      'the image sets BUNDLE, which nothing reads',
    ]);
  });
  it('a process that is forgotten is found', () => {
    const faults = serviceFaults(replaced(compose, 'dist/projections/projector.main.js', 'dist/nothing.js'));
    assert.deepEqual(faults, [
      'projector runs dist/nothing.js, which is no entry point',
      'no service runs dist/projections/projector.main.js',
    ]);
  });
  it('a saga setting of the worker alone is found', () => {
    const only = 'NATS_USER: worker\n      APPROVAL_LIMIT_MINOR: 5';
    assert.deepEqual(sagaFaults(replaced(compose, 'NATS_USER: worker', only)), [
      'command-api and worker have different APPROVAL_LIMIT_MINOR',
    ]);
  });
  it('an API that lets everybody in is found', () => {
    const lenient = replaced(compose, '${AUTH_ISSUER:?set it in .env}', '${AUTH_ISSUER:-}');
    assert.deepEqual(authFaults(lenient), [
      'command-api does not ask for AUTH_ISSUER',
      'query-api does not ask for AUTH_ISSUER',
    ]);
    const demo = "TEMPORAL_UI_URL: http://127.0.0.1:8233\n      AUTH_DEMO: 'true'";
    assert.deepEqual(authFaults(replaced(compose, 'TEMPORAL_UI_URL: http://127.0.0.1:8233', demo)), [
      'query-api sets AUTH_DEMO',
    ]);
  });
  it('a port for everybody is found', () => {
    const faults = serviceFaults(replaced(compose, '127.0.0.1:3001:3001', '3001:3001'));
    assert.deepEqual(faults, ['command-api publishes 3001:3001 beyond the loopback interface']);
  });
  it('a variable that is missing on either side, and a default password, are found', () => {
    const other = replaced(example, 'LOG_LEVEL=', 'LOG_DEPTH=');
    assert.deepEqual(exampleFaults(compose, other), [
      'LOG_LEVEL is not in .env.example',
      'LOG_DEPTH is not in docker-compose.yml',
    ]);
    assert.deepEqual(
      exampleFaults(compose, replaced(example, 'WORKER_DB_PASSWORD=', 'WORKER_DB_PASSWORD=x')),
      ['WORKER_DB_PASSWORD has a default'],
    );
    const lenient = replaced(compose, '${WORKER_DB_PASSWORD:?set it in .env}', '${WORKER_DB_PASSWORD:-x}');
    assert.deepEqual(exampleFaults(lenient, example), ['WORKER_DB_PASSWORD may be left empty']);
  });
});
