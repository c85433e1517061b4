import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { orderWorkflowId } from '../../../domain/topology.ts';
import { childEnvironment } from '../../../platform/config.ts';
import { placedOrder, sagaSettings } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { createModel, routedToModels, type Model, type Outcome } from '../../support/model-services.ts';
import { bundleWithPlanted } from '../../support/planted-bundle.ts';
import { projectRoot } from '../../support/project-root.ts';
import { startSagaWorker, type SagaWorker } from '../../support/saga-worker.ts';
import { temporalAddress } from '../../support/servers.ts';

const APPROVAL_LIMIT_MINOR = 100;

describe('npm run replay -- --running', function () {
  this.timeout(120_000);
  const models = new Map<string, Model>();
  let worker: SagaWorker;

  before(async function () {
    this.timeout(300_000);
    const planted = join(projectRoot, 'test/replay/planted/pause-before-charge.ts');
    worker = await startSagaWorker(() => bundleWithPlanted(planted), routedToModels(models));
  });
  after(() => worker.close());

  /** An order saga with the planted change that waits: for an approval, or past its charge for an operator. */
  async function start(state: 'WAITING' | 'STUCK'): Promise<string> {
    const order = placedOrder();
    const away = Array<Outcome>(10).fill('unavailable');
    const outcomes = { chargePayment: ['refused'], refundPayment: away } as const;
    const model = createModel(order.id, { outcomes });
    models.set(order.id, model);
    const saga = await worker.client.workflow.start('orderSaga', {
      workflowId: orderWorkflowId(order.id),
      taskQueue: worker.taskQueue,
      args: [
        {
          order,
          settings: sagaSettings({
            retryPauseMs: 1,
            undoAttempts: 2,
            approvalLimitMinor: state === 'WAITING' ? APPROVAL_LIMIT_MINOR : null,
          }),
        },
      ],
    });
    const last = state === 'STUCK' ? 'recordStuck' : 'requestApproval';
    await eventually(() => Promise.resolve(model.calls.includes(last) || undefined), {
      what: `${saga.workflowId} is ${state}`,
      withinMs: 60_000,
    });
    return saga.workflowId;
  }

  async function replay(...args: string[]): Promise<{ code: number | null; output: string }> {
    const env = childEnvironment({
      TEMPORAL_ADDRESS: await temporalAddress(),
      TEMPORAL_NAMESPACE: worker.client.options.namespace,
    });
    return new Promise((resolve) => {
      const command = ['--import', 'tsx', 'dev/replay.main.ts', '--running', ...args];
      const child = execFile(process.execPath, command, { cwd: projectRoot, env }, (_error, out, err) => {
        resolve({ code: child.exitCode, output: out + err });
      });
    });
  }

  it('names what cannot go on with this tree by its cause, with what to do, and leaves the others alone', async () => {
    const stuck = [await start('STUCK'), await start('STUCK')];
    const waiting = await start('WAITING');
    const { code, output } = await replay();
    assert.equal(code, 1, output);
    assert.match(output, /2 × orderSaga would act differently: \S/);
    assert.match(output, /patched\('<name>'\)/);
    for (const workflowId of stuck) assert.ok(output.includes(workflowId), output);
    assert.ok(!output.includes(waiting), output);
    assert.match(output, /3 running workflows replayed: 2 cannot go on with this code/);
  });

  it('takes a filter and a limit', async () => {
    const filtered = await replay('--query', "WorkflowType = 'shipmentSaga'");
    assert.equal(filtered.code, 0, filtered.output);
    assert.match(filtered.output, /0 running workflows replayed/);
    const limited = await replay('--limit', '1');
    assert.match(limited.output, /1 running workflows replayed/);
  });
});
