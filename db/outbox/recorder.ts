import type { Knex } from 'knex';
import { recordPage, type Claim, type Cursor } from './cursor.ts';
import type { PublishedRows } from './row-publisher.ts';
import type { PageRow } from './rows.ts';

/** Records published pages one after the other, while others are read and published. */
interface Recorder {
  /** Begins to record a page once the one before is recorded. @throws what recording the one before threw */
  record(at: Required<Cursor>, page: readonly PageRow[], published: PublishedRows): Promise<void>;
  /** Waits until all are recorded. @throws FencedError when another relay has the shard */
  settled(): Promise<void>;
  /** Waits for nothing that is under way. @throws what recording a page threw */
  throwIfFailed(): Promise<void>;
}

export function createRecorder(db: Knex, claim: Claim): Recorder {
  let recording = Promise.resolve();
  let hasFailed = false;

  return {
    record: async (at, page, published) => {
      await recording;
      recording = record(at, page, published);
      recording.catch(() => {
        hasFailed = true;
      });
    },
    settled: () => recording,
    throwIfFailed: async () => {
      if (hasFailed) await recording;
    },
  };

  async function record(
    { from, window }: Required<Cursor>,
    page: readonly PageRow[],
    { position, parked }: PublishedRows,
  ): Promise<void> {
    const [first, last] = [page[0], page.at(-1)];
    if (!first || !last) return;
    await recordPage(db, claim, {
      from,
      to: window.to,
      firstSeq: first.seq,
      lastSeq: last.seq,
      rowCount: page.length,
      streamCreated: position.created,
      streamSequence: position.lastSequence,
      parked,
    });
  }
}
