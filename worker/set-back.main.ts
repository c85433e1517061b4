import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { connect } from '../db/connection.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { setBackSchema } from '../platform/config.ts';
import { closingAfter } from '../platform/first-error.ts';
import { createLogger } from '../platform/logger.ts';
import { jsonText, terminal } from '../platform/terminal.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { configureTool, outOfReach } from '../platform/tool.ts';
import { rebuildProjections } from './rebuild-process.ts';
import { parseRequest, usage, type SetBackRequest } from './set-back/arguments.ts';
import { letRelaysGoOn, needsDecision, untilRelaysGoOn } from './set-back/go-on.ts';
import { aggregatesOf } from './set-back/lost-aggregates.ts';
import { findLost, type Lost, type Sources } from './set-back/lost.ts';
import { endSagas, removeLost } from './set-back/publish-from-here.ts';
import { reportOf } from './set-back/report.ts';
import { takeBack } from './set-back/take-back.ts';
import { textOf, waysOn } from './set-back/text.ts';
import { connectClient } from './temporal-client.ts';
import { clearProgress, showProgress } from './terminal-progress.ts';

const FAILED = 2;
const NATS_WITHIN_MS = 10_000;

function requestOrExit(): SetBackRequest {
  try {
    return parseRequest(process.argv.slice(2), new Date());
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

function fail(text: string): never {
  terminal.error(text);
  process.exit(FAILED);
}

const request = requestOrExit();
const { config, explain } = configureTool(
  setBackSchema,
  ['DATABASE_URL', 'READ_DATABASE_URL', 'NATS_URL', 'TEMPORAL_ADDRESS'],
  FAILED,
);
const db = connect({ url: config.DATABASE_URL, poolSize: 2, applicationName: 'durable-orders-set-back' });
const messaging = connectMessaging({
  url: config.NATS_URL,
  user: config.NATS_USER,
  password: config.NATS_PASSWORD,
  // The server lets each of its users hear only answers that are its own.
  name: config.NATS_USER ?? 'set-back',
  logger: createLogger('set-back', 'silent'),
});
const tell = (line: string): void => {
  terminal.error(line);
};
const sources: Sources = {
  db,
  messaging,
  topology: createTopology(config.STREAM_PREFIX),
  onProgress: showProgress,
};

try {
  const impatience = setTimeout(() => fail(outOfReach('NATS_URL', config)), NATS_WITHIN_MS);
  await messaging.firstConnection;
  clearTimeout(impatience);

  const lost = await findLost(sources);
  const report = await reportOf(db, lost);
  clearProgress();
  terminal.log(request.json ? jsonText(report) : textOf(report));
  if (request.command === 'status') {
    if (report.isAhead && !request.json) terminal.log(waysOn);
    process.exitCode = report.isAhead ? 1 : 0;
  } else if (!(await needsDecision(db, lost)))
    tell(
      'there is nothing to do; `npm run rebuild -- all` rebuilds the views when an earlier run was interrupted',
    );
  else if (!(await isConfirmed())) process.exitCode = FAILED;
  else {
    if (lost.events.length > 0) await keep(lost);
    process.exitCode =
      request.command === 'take-back' ? await takeAllBack(lost) : await publishFromHere(lost);
  }
} catch (error) {
  clearProgress();
  terminal.error('set-back failed:', explain(error));
  process.exitCode = FAILED;
} finally {
  await messaging.close();
  await db.destroy();
}

async function isConfirmed(): Promise<boolean> {
  if (request.yes) return true;
  if (!process.stdin.isTTY) {
    tell(`nothing is changed: ${request.command} needs --yes, or a terminal to ask at`);
    return false;
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`${request.command}: go on? (yes) `);
  prompt.close();
  return answer === 'yes';
}

/** Before anything is changed, so that what is removed can still be read. */
async function keep({ events }: Lost): Promise<void> {
  const lines = events.map(({ sequence, body }) => `{"sequence":${sequence},"event":${body}}\n`);
  await writeFile(request.save, lines.join(''), { flag: 'wx' });
  tell(`the lost events are in ${request.save}`);
}

async function takeAllBack(lost: Lost): Promise<number> {
  const aggregates = await aggregatesOf(db, lost);
  const { taken, left } = await takeBack(db, lost.created, aggregates, (done) => {
    sources.onProgress(`takes back: ${done} of ${aggregates.length}`);
  });
  clearProgress();
  tell(`taken back: ${taken} of ${aggregates.length} orders, products and stocks`);
  for (const each of left) tell(`left: ${each}`);
  const rest = await findLost(sources);
  if (rest.events.length > 0) {
    tell(
      `${rest.events.length} events are left: the database has other events under the same versions, or they cannot be ` +
        'read. Nothing is published yet; `npm run set-back -- publish-from-here` removes these from the stream',
    );
    return 1;
  }
  tell(
    'not restored, because no event tells it: idempotency keys (a repeated request places a second order), entries of ' +
      "the audit log, and the books of the simulated provider and carrier; compare with the provider's and carrier's own",
  );
  return goOn(lost);
}

async function publishFromHere(lost: Lost): Promise<number> {
  const temporal = await connectClient(temporalServerOf(config));
  const ended = await closingAfter(
    async () => endSagas(temporal.client, await aggregatesOf(db, lost), sources.onProgress),
    temporal.close,
    (error) => {
      tell(`the connection to Temporal could not be closed: ${explain(error)}`);
    },
  );
  tell(`ended: ${ended} sagas that were ahead of the database`);
  await removeLost(sources, lost);
  clearProgress();
  tell(`removed from the stream: ${lost.sequences.length} messages`);
  await rebuildProjections(['all']).catch((cause: unknown) => {
    throw new Error('the views could not be rebuilt; run the command again', { cause });
  });
  tell('orders that are behind have no saga now: `npm run sagas -- restart --all` starts theirs again');
  return goOn(lost);
}

async function goOn(lost: Lost): Promise<number> {
  const unpublished = await letRelaysGoOn(db, lost);
  if (unpublished !== undefined)
    tell(`published now: ${unpublished} events of the dump that the stream lacks`);
  if (await untilRelaysGoOn(db)) {
    tell('the relays publish again. Look whether all is well: `npm run audit`');
    return 0;
  }
  tell('no relay has gone on yet: start the worker');
  return 1;
}
