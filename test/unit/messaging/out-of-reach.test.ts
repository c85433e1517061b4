import assert from 'node:assert/strict';
import { ErrorCode, NatsError, type ApiError } from 'nats';
import { isMessagingOutOfReach } from '../../../messaging/connection.ts';

/** What the client throws for an answer of JetStream. */
function refusedBy(answer: ApiError): NatsError {
  const error = new NatsError(answer.description, String(answer.code));
  error.api_error = answer;
  return error;
}

describe('a failure of NATS', () => {
  for (const code of [
    ...[ErrorCode.Timeout, ErrorCode.NoResponders, ErrorCode.Disconnect, ErrorCode.ConnectionClosed],
    ...[ErrorCode.AuthorizationViolation, ErrorCode.PermissionsViolation, ErrorCode.Tls, 'A_LATER_CODE'],
  ])
    it(`with the code ${code} may pass`, () => {
      assert.equal(isMessagingOutOfReach(new NatsError('x', code)), true);
    });

  for (const answer of [
    { code: 503, err_code: 10_008, description: 'system temporarily unavailable' },
    { code: 500, err_code: 10_002, description: 'resource limits exceeded for account' },
    { code: 400, err_code: 10_026, description: 'maximum consumers limit reached' },
    { code: 404, err_code: 10_059, description: 'stream not found' },
  ])
    it(`that JetStream describes as "${answer.description}" may pass`, () => {
      assert.equal(isMessagingOutOfReach(refusedBy(answer)), true);
    });

  it('in what was asked is ours', () => {
    for (const code of [ErrorCode.BadSubject, ErrorCode.MaxPayloadExceeded, ErrorCode.InvalidOption])
      assert.equal(isMessagingOutOfReach(new NatsError('x', code)), false);
    const bad = refusedBy({ code: 400, err_code: 10_003, description: 'bad request' });
    assert.equal(isMessagingOutOfReach(bad), false);
    assert.equal(isMessagingOutOfReach(new Error('x')), false);
  });
});
