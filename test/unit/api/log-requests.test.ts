import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { logRequests } from '../../../api/log-requests.ts';
import { createLogger } from '../../../platform/logger.ts';

/** @returns what is logged of a request, at a level. */
function logged(
  level: string,
  answer: { statusCode: number; writableFinished: boolean },
  contentType = 'application/json',
): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger('test', level, {
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const request = { method: 'GET', originalUrl: '/orders?customerId=ada' } as unknown as Request;
  const locals = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  const response = Object.assign(new EventEmitter(), { locals, getHeader: () => contentType, ...answer });
  void logRequests(logger)(request, response as unknown as Response, () => undefined);
  response.emit('close');
  return lines;
}

describe('the log of requests', () => {
  it('warns of a fault of ours, with its trace and without its query', () => {
    const [line] = logged('info', { statusCode: 500, writableFinished: true });
    const { level, traceId, method, path, status, ms, msg } = line ?? {};
    assert.equal(typeof ms, 'number');
    assert.deepEqual(
      { level, traceId, method, path, status, msg },
      {
        level: 'warn',
        traceId: '0af7651916cd43dd8448eb211c80319c',
        method: 'GET',
        path: '/orders',
        status: 500,
        msg: 'request answered',
      },
    );
  });

  it('warns of a caller who left, whose answer nobody got', () => {
    const [line] = logged('info', { statusCode: 200, writableFinished: false });
    const { level, status, msg } = line ?? {};
    assert.deepEqual([level, status, msg], ['warn', undefined, 'the caller left before the answer']);
  });

  it('warns of nobody who has listened to events for as long as they liked', () => {
    const left = { statusCode: 200, writableFinished: false };
    assert.deepEqual(logged('info', left, 'text/event-stream; charset=utf-8'), []);
  });

  it('has all others for debugging alone', () => {
    for (const statusCode of [202, 404, 503]) {
      const answered = { statusCode, writableFinished: true };
      assert.deepEqual(logged('info', answered), []);
      assert.equal(logged('debug', answered).length, 1);
    }
  });
});
