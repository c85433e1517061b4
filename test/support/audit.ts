import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { audit } from '../../activities/audit/audit.ts';
import type { AuditReport } from '../../domain/audit.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { childEnvironment } from '../../platform/config.ts';
import { createBooks } from '../../worker/activities.ts';
import { projectRoot } from './project-root.ts';
import type { System } from './system.ts';

type Books = ReturnType<typeof createBooks>;

/** Audits a running system from within the test. @param books in place of those of the system's database */
export async function auditSystem(
  { db, topology }: Pick<System, 'db' | 'topology'>,
  messaging: Messaging,
  books: Partial<Books> = {},
): Promise<AuditReport> {
  const { report } = await audit({
    ...{ db, readDb: db, messaging, topology },
    ...createBooks({ db, payment: { latencyMs: 1 }, carrier: { latencyMs: 1 } }),
    ...books,
    settleWithinMs: 30_000,
    samples: 10,
    onProgress: () => undefined,
  });
  return report;
}

/** What drifted, by check: how many, and the samples. */
export const driftOf = ({
  checks,
}: AuditReport): Record<string, { drifted: number; samples: readonly string[] }> =>
  Object.fromEntries(
    checks
      .filter(({ drifted }) => drifted > 0)
      .map(({ name, drifted, samples }) => [name, { drifted, samples }]),
  );

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm run audit` as people do. */
export async function runAudit(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'worker/audit.main.ts', ...args],
      { cwd: projectRoot, env: childEnvironment(env) },
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number')
      return { code: error.code, ...(error as unknown as Pick<Outcome, 'stdout' | 'stderr'>) };
    throw error;
  }
}
