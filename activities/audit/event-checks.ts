import type { Check, Facts } from './check.ts';
import type { Aggregate } from './order-facts.ts';
import { heldOf, lacking, say } from './versions.ts';

/** The outbox has all that its aggregate's row has seen, as far back as it is kept. */
export function judgeOutbox({ version, outbox, mayBeDropped }: Aggregate): string | undefined {
  if (version === 0) return outbox && `${say([[outbox.highest, outbox.highest]])} in the outbox, and no row`;
  if (!outbox) return mayBeDropped.last ? undefined : `no event in the outbox, the row is at ${version}`;
  if (outbox.missing.length > 0) return `${say(outbox.missing)} not in the outbox`;
  if (outbox.highest !== version) return `the outbox ends at ${outbox.highest}, the row is at ${version}`;
  if (outbox.lowest > 1 && !mayBeDropped.first)
    return `the outbox begins at ${outbox.lowest}, and has dropped nothing as old as that`;
  return undefined;
}

/** The stream has nothing that no row has seen. */
export function judgeAhead({ version, stream }: Aggregate): string | undefined {
  if (!stream || stream.highest <= version) return undefined;
  return `the stream is at ${stream.highest}, ${version === 0 ? 'and there is no row' : `the row at ${version}`}`;
}

/** The stream has what the outbox holds. What both have lost is nowhere any more. */
function judgeLacking({ version, outbox, stream }: Aggregate): string | undefined {
  const lost = heldOf(lacking(stream, version), outbox);
  return lost.length > 0 ? `${say(lost)} in the outbox and not in the stream` : undefined;
}

export const judgeStream = (aggregate: Aggregate): string | undefined =>
  judgeAhead(aggregate) ?? judgeLacking(aggregate);

export const eventChecks = <F extends Facts>(
  aggregatesOf: (facts: F) => readonly (readonly [string, Aggregate])[],
): Check<F>[] => {
  const each =
    (judge: (aggregate: Aggregate) => string | undefined) =>
    (facts: F): string | undefined => {
      const found = aggregatesOf(facts).flatMap(([prefix, aggregate]) => {
        const differs = judge(aggregate);
        return differs === undefined ? [] : [prefix + differs];
      });
      return found.length > 0 ? found.join('; ') : undefined;
    };
  return [
    {
      name: 'outbox',
      holds: 'each change of a row has its event in the outbox, versions 1, 2, 3… without a gap',
      advice:
        'Something has written past the application, or deleted from messaging.outbox. Find out from the audit (GET /operations/audit) and backups what happened; sagas and read tables know only what the stream has.',
      judge: each(judgeOutbox),
    },
    {
      name: 'stream',
      holds: 'each event that the outbox holds is in the stream',
      advice:
        'Run `npm run audit -- --repair`: the relay publishes again what is missing. Where later events of the same order are there already, the read tables stay without it: see docs/auditing.md.',
      repair: 'events',
      judge: each(judgeLacking),
    },
    {
      name: 'stream-ahead',
      holds: 'no event is in the stream that the database does not know',
      advice:
        'The stream is ahead of the database, which was set back to an older copy: run `npm run set-back -- status`. Neither a rebuild nor a repair changes that.',
      judge: each(judgeAhead),
    },
  ];
};
