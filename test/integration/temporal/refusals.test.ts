import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Client, Connection, type ScheduleDescription } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { prepareNamespace } from '../../../dev/servers/temporal-namespace.ts';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  SAGA_WATCH_SCHEDULE_ID,
  SEARCH_ATTRIBUTES,
} from '../../../domain/topology.ts';
import { createLogger } from '../../../platform/logger.ts';
import type { NotReady } from '../../../platform/readiness.ts';
import { scheduleHousekeeping, restoreSchedules, SchedulesRefused } from '../../../worker/housekeeping.ts';
import { keepAlive } from '../../../worker/keep-alive.ts';
import { SearchAttributesMissing } from '../../../worker/search-attributes.ts';
import { connectTemporal } from '../../../worker/temporal-connection.ts';
import { eventually } from '../../support/eventually.ts';
import { searchAttributes, temporalAddress } from '../../support/servers.ts';
import { openTemporalGate, type TemporalGate } from '../../support/temporal-gate.ts';

const logger = createLogger('test', 'silent');
const denied = { status: 7, message: 'Request unauthorized.' };
const unimplemented = { status: 12, message: 'unknown method' };

describe('a Temporal server that refuses what the worker wants', function () {
  this.timeout(60_000);
  let address: string;
  let direct: Connection;
  let gate: TemporalGate;
  let namespace: string;

  const newNamespace = async (attributes: Parameters<typeof prepareNamespace>[1]['searchAttributes']) => {
    const name = `test-${randomBytes(4).toString('hex')}`;
    await eventually(
      async () => {
        await prepareNamespace(address, { name, retentionDays: 1, searchAttributes: attributes });
        return true;
      },
      { what: `namespace ${name} can be used`, withinMs: 30_000 },
    );
    return name;
  };
  const behindGate = () => ({ namespace, connection: { address: `127.0.0.1:${gate.port}` } });

  before(async function () {
    this.timeout(600_000);
    address = await temporalAddress();
    direct = await Connection.connect({ address });
    gate = await openTemporalGate({ upstream: address });
  });
  beforeEach(() => {
    gate.refusals.clear();
  });
  after(async () => {
    await gate.close();
    await direct.close();
  });

  for (const [what, refusals] of [
    ['lets nobody add search attributes', { AddSearchAttributes: denied }],
    [
      'lets nobody list or add search attributes, as Temporal Cloud',
      { AddSearchAttributes: unimplemented, ListSearchAttributes: unimplemented },
    ],
  ] as const)
    it(`${what}: the worker names the commands, and goes on once they are there`, async () => {
      namespace = await newNamespace({});
      for (const [method, refusal] of Object.entries(refusals)) gate.refusals.set(method, refusal);
      const problems: (NotReady | undefined)[] = [];
      const stop = new AbortController();
      const onProblem = (problem: NotReady | undefined): void => {
        problems.push(problem);
      };
      const connecting = connectTemporal(behindGate(), { logger, onProblem }, stop.signal);
      try {
        const problem = await eventually(() => Promise.resolve(problems[0]), {
          what: 'it says what it lacks',
        });
        assert.ok(problem instanceof SearchAttributesMissing, String(problem));
        const [temporal = '', tcld = ''] = problem.commands;
        for (const name of Object.values(SEARCH_ATTRIBUTES)) {
          assert.ok(temporal.includes(`--name ${name} --type Keyword`), temporal);
          assert.ok(tcld.includes(`${name}=Keyword`), tcld);
          assert.ok(problem.message.includes(name), problem.message);
        }
        assert.ok(temporal.includes(`--namespace ${namespace} `));
        await prepareNamespace(address, { name: namespace, retentionDays: 1, searchAttributes });
        const connection = await connecting;
        assert.ok(connection);
        assert.equal(problems.at(-1), undefined, 'and says that it is over');
        await connection.close();
      } finally {
        stop.abort();
      }
    });

  it('does not even let it search by attributes: it goes on, since they may be there', async () => {
    namespace = await newNamespace(searchAttributes);
    for (const method of ['AddSearchAttributes', 'ListSearchAttributes', 'CountWorkflowExecutions'])
      gate.refusals.set(method, denied);
    const connection = await connectTemporal(behindGate(), { logger }, AbortSignal.timeout(20_000));
    assert.ok(connection);
    await connection.close();
  });

  describe('schedules', () => {
    let native: NativeConnection;
    let client: Client;
    const hour = { auditEveryMs: 3_600_000, sagaWatchEveryMs: 60_000 };
    const present = (id: string): Promise<ScheduleDescription> =>
      new Client({ connection: direct, namespace }).schedule.getHandle(id).describe();

    before(async () => {
      namespace = await newNamespace(searchAttributes);
      const connection = await connectTemporal(behindGate(), { logger }, AbortSignal.timeout(20_000));
      native = connection ?? assert.fail('not connected');
      client = new Client({ connection: native, namespace });
    });
    after(() => native.close());

    for (const refusal of [denied, unimplemented])
      it(`refuses them with status ${refusal.status}: each is named, and they are made once it takes them`, async () => {
        gate.refusals.set('CreateSchedule', refusal);
        for (const act of [scheduleHousekeeping, restoreSchedules])
          await assert.rejects(
            async () => act(client, hour),
            (error) => {
              assert.ok(error instanceof SchedulesRefused, String(error));
              for (const id of [
                HOUSEKEEPING_SCHEDULE_ID,
                KEYS_SCHEDULE_ID,
                AUDIT_SCHEDULE_ID,
                SAGA_WATCH_SCHEDULE_ID,
              ])
                assert.ok(error.message.includes(id), error.message);
              return true;
            },
          );
        gate.refusals.clear();
        await restoreSchedules(client, hour);
        assert.ok((await present(AUDIT_SCHEDULE_ID)).spec);
      });

    it('keep what an operator has set: pause, note, interval and policies, also when the setting changes', async () => {
      await scheduleHousekeeping(client, hour);
      const handle = client.schedule.getHandle(AUDIT_SCHEDULE_ID);
      await handle.pause('no audits this week');
      await handle.update((schedule) => ({
        ...schedule,
        spec: { intervals: [{ every: '5 minutes' }] },
        policies: { ...schedule.policies, pauseOnFailure: true },
      }));
      for (const settings of [hour, { ...hour, auditEveryMs: 7_200_000 }]) {
        await scheduleHousekeeping(client, settings);
        const { spec, state, policies } = await present(AUDIT_SCHEDULE_ID);
        assert.equal(spec.intervals?.[0]?.every, 300_000);
        assert.deepEqual([state.paused, state.note], [true, 'no audits this week']);
        assert.equal(policies.pauseOnFailure, true);
      }
    });

    it('that nobody has changed follow the setting, and keep a pause', async () => {
      await scheduleHousekeeping(client, hour);
      await client.schedule.getHandle(SAGA_WATCH_SCHEDULE_ID).pause('quiet');
      await scheduleHousekeeping(client, { ...hour, sagaWatchEveryMs: 120_000 });
      const { spec, state, action } = await present(SAGA_WATCH_SCHEDULE_ID);
      assert.equal(spec.intervals?.[0]?.every, 120_000);
      assert.deepEqual([state.paused, state.note, action.memo], [true, 'quiet', { everyMs: 120_000 }]);
    });

    it('a namespace that is removed later is named, each time the worker looks', async () => {
      const stop = new AbortController();
      const problems: (NotReady | undefined)[] = [];
      const kept = keepAlive(
        {
          server: behindGate(),
          connection: native,
          client,
          logger,
          ...hour,
          onRelays: () => undefined,
          onSchedules: () => undefined,
          onPrepared: () => undefined,
          onProblem: (problem) => problems.push(problem),
        },
        stop.signal,
      );
      try {
        await eventually(() => Promise.resolve(problems.includes(undefined) || undefined), {
          what: 'all is well',
        });
        for (const method of ['ListSearchAttributes', 'DescribeNamespace', 'DescribeWorkflowExecution'])
          gate.refusals.set(method, { status: 5, message: `Namespace ${namespace} is not found.` });
        const problem = await eventually(
          () => Promise.resolve(problems.findLast((each) => each !== undefined)),
          {
            what: 'it says that the namespace is gone',
            withinMs: 40_000,
          },
        );
        assert.match(problem.message, /no such namespace; .*TEMPORAL_NAMESPACE/);
      } finally {
        stop.abort();
        await kept;
      }
    });
  });
});
