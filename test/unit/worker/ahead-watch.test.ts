import assert from 'node:assert/strict';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pauseWhileAhead } from '../../../worker/ahead-watch.ts';

describe('saga steps of a worker whose database was set back', () => {
  /** Runs a step through the interceptor. @returns how often the step was executed */
  async function execute(isAhead: boolean): Promise<number> {
    let executed = 0;
    await new MockActivityEnvironment().run(async () => {
      const { inbound } = pauseWhileAhead({ isAhead })(Context.current());
      await inbound?.execute?.({ args: [], headers: {} }, () => Promise.resolve((executed += 1)));
    });
    return executed;
  }

  it('wait: they fail without being executed, and are retried later', async () => {
    const failure: unknown = await execute(true).catch((error: unknown) => error);
    assert.ok(failure instanceof ApplicationFailure, String(failure));
    assert.equal(failure.nonRetryable, false);
    assert.equal(failure.message, 'the stream is ahead of the database');
  });

  it('are executed again once the stream and the database agree', async () => {
    assert.equal(await execute(false), 1);
  });
});
