import {
  orderSagaSteps,
  sagaCalls,
  shipmentSagaSteps,
  type DeadlineName,
  type Saga,
  type SagaStep,
} from '../domain/saga-steps.ts';
import { deadlineVariables, workerSchema } from '../platform/config.ts';

type Steps = readonly (readonly [key: string, step: SagaStep])[];
const stepsOf = (saga: Saga): Steps => Object.entries(saga.steps);

/** A mermaid flowchart: steps down, and from each step that can fail the way back, in the order in which it is undone. */
export function diagramOf(saga: Saga): string {
  const steps = stepsOf(saga);
  const ends = [...steps].reverse().find(([, { reaches }]) => reaches)?.[1].reaches ?? 'done';
  const lines = new Set<string>([
    `start([${quoted(saga.title)}]) --> ${steps[0]?.[0] ?? 'ended'}`,
    ...steps.map(([key, step]) => nodeOf(key, step)),
  ]);
  steps.forEach(([key, { reaches }], index) => {
    const next = steps[index + 1]?.[0] ?? 'ended';
    lines.add(`${key} -->${reaches && next !== 'ended' ? `|${reaches}|` : ''} ${next}`);
  });
  lines.add(`ended([${quoted(ends)}])`);

  const wayBacks = wayBacksOf(saga);
  for (const { key, undo, recall, isCancellable, ifTooLate } of wayBacks) {
    const why = isCancellable ? 'fails, or is cancelled' : 'fails';
    const entry = `undo_${undo.join('_')}`;
    if (recall) {
      lines.add(`fence[${quoted(sagaCalls[saga.undoing.fence].does)}]`);
      lines.add(`recall{{${quoted(`${sagaCalls[recall].does}: in time?`)}}}`);
      lines.add(`${key} -. ${why} .-> fence`);
      lines.add('fence -.-> recall');
      lines.add(`recall -. yes .-> ${entry}`);
      if (ifTooLate) lines.add(`recall -- no --> ${ifTooLate}`);
    } else {
      lines.add(`${key} -. ${why} .-> ${entry}`);
    }
    undo.forEach((call, index) => {
      const rest = undo.slice(index);
      const [, ...after] = rest;
      const id = `undo_${rest.join('_')}`;
      lines.add(`${id}[${quoted(sagaCalls[call].does)}]`);
      lines.add(`${id} -.-> ${after.length > 0 ? `undo_${after.join('_')}` : 'undone'}`);
    });
    lines.add(`undone([${quoted(saga.undoing.reaches)}])`);
  }
  return ['```mermaid', 'flowchart TD', ...[...lines].map((line) => `  ${line}`), '```'].join('\n');
}

interface WayBack {
  /** The step that fails. */
  readonly key: string;
  /** What is called then, in this order, when it is not too late. */
  readonly undo: readonly (keyof typeof sagaCalls)[];
  /** What decides whether it is. */
  readonly recall: SagaStep['recall'];
  /** The step with which the saga goes on when it is too late. */
  readonly ifTooLate: string | undefined;
  readonly isCancellable: boolean;
}

/** What follows the failure of each step that can fail; a call behind the pivot is repeated until it is done. */
function wayBacksOf(saga: Saga): WayBack[] {
  const steps = stepsOf(saga);
  const noReturn = steps.findIndex(([, { pointOfNoReturn }]) => pointOfNoReturn);
  const { fence, first, last } = saga.undoing;
  let stack = [...saga.inherits];
  let recall: SagaStep['recall'];
  return steps.flatMap(([key, step], index): WayBack[] => {
    const isCancellable = noReturn === -1 || index < noReturn;
    stack = stack.filter((undo) => !step.forgets?.includes(undo));
    if (step.undo) stack.push(step.undo);
    recall = isCancellable ? (step.recall ?? recall) : undefined;
    const canFail = [step.waits, step.deadlines, step.undo].some((why) => why !== undefined);
    if (!canFail) return [];
    const undo = [recall ? undefined : fence, first, ...[...stack].reverse(), last].filter(
      (call) => call !== undefined,
    );
    return [{ key, undo, recall, ifTooLate: steps[noReturn]?.[0], isCancellable }];
  });
}

function nodeOf(key: string, { name, when, pointOfNoReturn }: SagaStep): string {
  const label = [name, ...(when ? [`only if ${when}`] : []), ...(pointOfNoReturn ? [NO_RETURN] : [])];
  const [open, close] = pointOfNoReturn ? ['[[', ']]'] : ['[', ']'];
  return `${key}${open}${quoted(label.join('<br/>'))}${close}`;
}

const NO_RETURN = 'point of no return';
const quoted = (text: string): string => `"${text.replaceAll('"', '#quot;')}"`;

/** A Markdown table of a saga's steps. */
export function stepTableOf(saga: Saga): string {
  return tableOf(
    ['step', 'what it does', 'tries', 'deadline', 'undo', 'the order is then'],
    stepsOf(saga).map(([, step]) => [
      step.name +
        (step.pointOfNoReturn ? ` – **${NO_RETURN}**` : '') +
        (step.when ? `; if ${step.when}` : ''),
      [
        step.call ? `${sagaCalls[step.call].does} (\`${step.call}\`)` : '',
        step.waits ? `until ${step.waits}` : '',
      ]
        .filter((part) => part !== '')
        .join(', then waits ')
        .replace(/^until/, 'waits until'),
      triesOf(step),
      (step.deadlines ?? []).map((name) => `\`${deadlineVariables[name]}\``).join(', '),
      undoOf(step),
      step.reaches ?? '',
    ]),
  );
}

function triesOf({ call, asks, deadlines }: SagaStep): string {
  const tries = call ? `until done${deadlines ? ', refused or overdue' : ''}` : '';
  return [tries, ...(asks ? [`\`${asks}\` asks`] : [])].filter((part) => part !== '').join('; ');
}

function undoOf({ undo, recall, forgets }: SagaStep): string {
  if (undo) return `${sagaCalls[undo].does} (\`${undo}\`)`;
  if (recall) return `${sagaCalls[recall].does} (\`${recall}\`), before all else`;
  return (forgets ?? []).map((name) => `from here on without \`${name}\``).join(', ');
}

/** A Markdown table of the durable timers, with the settings' own defaults. */
function deadlineTable(sagas: readonly Saga[]): string {
  const all = sagas.flatMap(stepsOf);
  return tableOf(
    ['setting', 'default', 'step'],
    Object.entries(deadlineVariables).map(([name, setting]) => {
      const steps = all.filter(([, step]) => step.deadlines?.includes(name as DeadlineName));
      const defaultMs = workerSchema.shape[setting].parse(undefined);
      return [
        `\`${setting}\``,
        `${defaultMs} (${inWords(defaultMs)})`,
        steps.map(([, step]) => step.name).join(', '),
      ];
    }),
  );
}

const HOUR_MS = 3_600_000;
const inWords = (ms: number): string =>
  ms % (24 * HOUR_MS) === 0 ? `${ms / (24 * HOUR_MS)} d` : `${ms / HOUR_MS} h`;

const rowOf = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [rowOf(head), rowOf(head.map(() => '---')), ...rows.map(rowOf)].join('\n');

/** The generated parts of docs/sagas.md that come from definitions, by the names in their markers. */
export const sagaParts = (
  order: Saga = orderSagaSteps,
  shipment: Saga = shipmentSagaSteps,
): ReadonlyMap<string, string> =>
  new Map([
    ['order saga', `${diagramOf(order)}\n\n${stepTableOf(order)}`],
    ['shipment saga', `${diagramOf(shipment)}\n\n${stepTableOf(shipment)}`],
    ['deadlines', deadlineTable([order, shipment])],
  ]);
