/**
 * What a failure of the database means for the caller. Only what is known to be the fault of the data or of a statement
 * is listed; everything else that the database, the network or the driver reports counts as NOT_NOW, because repeating
 * a request is safe, while giving up an order or parking an event is not.
 */
type DatabaseFailure =
  /** The rows are refused and would be refused again; other rows may not be. */
  | 'REFUSED_DATA'
  /** A statement of ours is wrong, or a trigger or function raised an error. Repeating it does not help. */
  | 'OUR_FAULT'
  /** The database cannot do it now: the same call may succeed later, also on a database that failed over. */
  | 'NOT_NOW';

/**
 * PostgreSQL's classes 21 cardinality violation, 22 data exception, 23 constraint violation, 44 check option violation,
 * and 54, the limits of a row or an index.
 */
const REFUSED_DATA = /^(21|22|23|44|54)/;
/**
 * 42 syntax error or access rule violation, 20 case not found, 24 cursor state, 2D transaction termination, 34 cursor
 * name, and P0, which PL/pgSQL raises.
 */
const OUR_FAULT = /^(20|24|2D|34|42|P0)/;

/** Five characters with a digit: Node's own codes have none. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

const fromDatabase = new WeakSet<Error>();

/** Marks an error as one that a connection to the database, or the attempt to get one, has ended with. */
export function markAsDatabaseError(error: unknown): void {
  if (error instanceof Error) fromDatabase.add(error);
}

/** @returns undefined for an error that does not come from the database. */
export function databaseFailureOf(error: unknown): DatabaseFailure | undefined {
  if (!(error instanceof Error)) return undefined;
  const state = sqlStateOf(error);
  if (state !== undefined) {
    if (REFUSED_DATA.test(state)) return 'REFUSED_DATA';
    return OUR_FAULT.test(state) ? 'OUR_FAULT' : 'NOT_NOW';
  }
  if (!fromDatabase.has(error)) return undefined;
  // The driver throws these for values that it cannot send and for answers that it cannot read.
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError
    ? 'OUR_FAULT'
    : 'NOT_NOW';
}

/** Whether the database refuses what it was given: the same rows would be refused again, others may not be. */
export const isRefusedData = (error: unknown): boolean => databaseFailureOf(error) === 'REFUSED_DATA';

/** Whether the database cannot do it now; the same call may succeed later. */
export const isDatabaseOutOfReach = (error: unknown): boolean => databaseFailureOf(error) === 'NOT_NOW';

/** Whether writing fewer rows may succeed where writing all of them failed. */
export function mayBlameOneRow(error: unknown): boolean {
  const failure = databaseFailureOf(error);
  if (failure !== 'OUR_FAULT') return failure !== 'NOT_NOW';
  // A trigger may object to one row only; a wrong statement fails for each.
  return sqlStateOf(error)?.startsWith('P0') ?? true;
}

/** PostgreSQL's five-character code. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return SQLSTATE.test(code) ? code : undefined;
}
