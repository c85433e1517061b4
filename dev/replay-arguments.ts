import { parseArgs } from 'node:util';

export const usage = `npm run replay -- <workflow id | history.json>   runs the workflow code of this tree against a recorded history
npm run replay -- --running                      does so for all workflows that run on the server
npm run replay -- --running --limit 500          for so many of them, the newest first
npm run replay -- --running --query "WorkflowType = 'shipmentSaga'"   for those that a list filter of Temporal finds

A history comes from the Temporal server of the stack or from a file that the Web UI saved. It ends with 0 when the code does
what the histories say, with 1 when it would now act differently, and with 2 when it could not look. Workflows that are
pinned to a version do not move to this code: they are listed, and do not count.

Workflows run in this process and may think as long as they want, so that breakpoints work:
node --inspect-brk --import tsx dev/replay.main.ts <workflow id>`;

export type ReplayCommand =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'workflow'; readonly workflowId: string }
  | { readonly kind: 'running'; readonly query: string | undefined; readonly limit: number };

/** @throws Error that says what is wrong with them */
export function readArguments(args: readonly string[]): ReplayCommand {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { running: { type: 'boolean' }, limit: { type: 'string' }, query: { type: 'string' } },
  });
  const [subject, ...more] = positionals;
  if (values.running) {
    if (subject !== undefined) throw new Error(`--running takes no workflow: leave out ${subject}`);
    return { kind: 'running', query: values.query, limit: limitIn(values.limit) };
  }
  if (values.limit !== undefined || values.query !== undefined)
    throw new Error('--limit and --query go with --running');
  if (subject === undefined) throw new Error('name a workflow or a file, or say --running');
  if (more.length > 0) throw new Error(`${more.join(' ')} is one argument too many`);
  return subject.endsWith('.json')
    ? { kind: 'file', path: subject }
    : { kind: 'workflow', workflowId: subject };
}

function limitIn(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error('--limit takes a number from 1 on');
  return Number(text);
}
