import { readFile } from 'node:fs/promises';
import express from 'express';
import { answerRequests } from '../forked.ts';
import { recordedAnswersSchema, serverSettingsSchema } from './reads-protocol.ts';

/** Plain Express that sends bytes which it has in memory: what an answer costs at least. */
const { port, file } = serverSettingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const recorded = recordedAnswersSchema.parse(JSON.parse(await readFile(file, 'utf8')));
const answers = new Map(recorded.map((answer) => [answer.path, answer]));

const app = express();
app.get(['/orders/:id', '/analytics/sales'], (request, response) => {
  const answer = answers.get(request.url);
  if (!answer) {
    response.sendStatus(404);
    return;
  }
  response.type(answer.contentType).send(answer.body);
});
await new Promise<void>((resolve, reject) => {
  app.listen(port, '127.0.0.1', (error) => {
    if (error) reject(error);
    else resolve();
  });
});

// Everything else is asked over HTTP.
answerRequests(() => process.exit(0));
