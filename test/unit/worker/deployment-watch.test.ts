import assert from 'node:assert/strict';
import { pino } from 'pino';
import { createDeploymentHealth, watchDeployment } from '../../../worker/deployment-watch.ts';
import type { Version } from '../../../worker/deployments.ts';
import { eventually } from '../../support/eventually.ts';

const version = { deploymentName: 'orders', buildId: 'v2' };

describe('what a versioned worker says of its version', () => {
  for (const [status, says] of [
    ['INACTIVE', /v2 of deployment orders is neither current nor ramping: it gets no work until npm run/],
    ['DRAINED', /is drained: its workers can be stopped/],
  ] as const)
    it(`${status}: the process says why it has nothing to do`, async () => {
      const health = createDeploymentHealth(version);
      health.seen(status);
      await assert.rejects(health.check(), says);
    });

  for (const status of ['CURRENT', 'RAMPING', 'DRAINING', undefined] as const)
    it(`${status ?? 'unknown'}: nothing is wrong`, async () => {
      const health = createDeploymentHealth(version);
      health.seen('INACTIVE');
      health.seen(status);
      await health.check();
    });

  it('is asked again while Temporal does not know the version, and logged once', async () => {
    const answers: (Version | undefined | Error)[] = [
      undefined,
      new Error('away'),
      { buildId: 'v2', status: 'INACTIVE' },
    ];
    const logged: string[] = [];
    const seen: unknown[] = [];
    const stop = new AbortController();
    const write = (line: string): void => {
      logged.push((JSON.parse(line) as { msg: string }).msg);
    };
    const watching = watchDeployment(
      {
        deployments: {
          describeVersion: () => {
            const answer = answers.shift();
            return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
          },
        },
        version,
        onStatus: (status) => seen.push(status),
        logger: pino({}, { write }),
        pauseMs: () => 1,
      },
      stop.signal,
    );
    await eventually(() => Promise.resolve(seen.length >= 3 || undefined), { what: 'it is asked again' });
    stop.abort();
    await watching;
    assert.deepEqual(seen.slice(0, 3), [undefined, undefined, 'INACTIVE']);
    assert.equal(logged.length, 2);
    assert.match(logged[0] ?? '', /does not say/);
    assert.match(logged[1] ?? '', /gets no work until/);
  });
});
