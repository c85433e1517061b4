import assert from 'node:assert/strict';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import ts from 'typescript';
import { projectRoot } from '../support/project-root.ts';

const sources = join(projectRoot, 'workflows');

/** @param report takes what the bundler says about errors. */
const bundle = (
  workflowsPath: string,
  report = (_line: string): void => undefined,
): Promise<WorkflowBundle> =>
  bundleWorkflowCode({
    workflowsPath,
    logger: new DefaultLogger('ERROR', ({ message, meta }) => {
      report(`${message} ${JSON.stringify(meta)}`);
    }),
  });

/** Type errors of `workflows/` with its own tsconfig, with one more file in it when there is code for it. */
function typeErrors(code?: string): string[] {
  const extra = join(sources, 'planted.ts');
  const { config } = ts.readConfigFile(join(sources, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: unknown;
  };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, sources);
  const host = ts.createCompilerHost(options);
  const read = host.readFile.bind(host);
  const exists = host.fileExists.bind(host);
  host.readFile = (path) => (path === extra ? code : read(path));
  host.fileExists = (path) => (path === extra ? code !== undefined : exists(path));
  const program = ts.createProgram([...fileNames, ...(code === undefined ? [] : [extra])], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the workflow sandbox', function () {
  this.timeout(120_000);

  it('workflows type-check without the types of Node', () => {
    assert.deepEqual(typeErrors(), []);
  });

  for (const code of [
    'export const env = process.env;',
    "import { readFileSync } from 'node:fs'; readFileSync;",
  ]) {
    it(`a workflow with \`${code}\` does not`, () => {
      assert.match(typeErrors(code).join('\n'), /Cannot find name '(process|node:fs)'/);
    });
  }

  it('the workflows can be bundled, and nothing of the host is in the bundle', async () => {
    const { code } = await bundle(join(sources, 'index.ts'));
    assert.match(code, /orderSaga/);
    assert.match(code, /outboxRelay/);
    for (const name of ['knex', 'pg', 'nats', 'express', 'pino']) {
      assert.ok(!code.includes(`node_modules/${name}/`), `${name} is in the workflow bundle`);
    }
  });

  it('a workflow that reads a file is refused by the bundler', async () => {
    const reports: string[] = [];
    const planted = join(import.meta.dirname, 'planted/host-workflow.ts');
    await assert.rejects(bundle(planted, (line) => reports.push(line)));
    assert.match(reports.join('\n'), /node:fs/);
  });
});
