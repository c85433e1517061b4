import { visible } from './characters.ts';

/** One line of an order, as failures name it. */
interface FailedLine {
  readonly sku: string;
  readonly quantity: number;
}

/**
 * What a failure's text may be filled in with.
 * - `word`: a code, a name or an id of ours
 * - `text`: what a person typed
 * - `count`: a whole number that is not negative
 * - `lines`: lines of an order
 */
interface FieldKinds {
  readonly word: string;
  readonly text: string;
  readonly count: number;
  readonly lines: readonly FailedLine[];
}

export type Declared = Readonly<Record<string, keyof FieldKinds>>;

/** Any of the declared fields: a text reads well without them. */
export type FieldsDeclared<D extends Declared> = { readonly [Name in keyof D]?: FieldKinds[D[Name]] };

const LONGEST_TEXT = 1_000;
const MOST_LINES = 100;
/** Leaves out what statements, paths, addresses and stack traces are made of. */
const WORD = /^\w[\w-]{0,99}$/;

/** Checks by kind. @returns undefined for a value that may not leave the process */
const checks: { readonly [Kind in keyof FieldKinds]: (given: unknown) => FieldKinds[Kind] | undefined } = {
  word: (given) => (typeof given === 'string' && WORD.test(given) ? given : undefined),
  text: (given) => (typeof given === 'string' ? printable(given) : undefined),
  count: (given) => (Number.isSafeInteger(given) && (given as number) >= 0 ? (given as number) : undefined),
  lines: (given) => (Array.isArray(given) ? given.slice(0, MOST_LINES).flatMap(lineIn) : undefined),
};

function lineIn(given: unknown): FailedLine[] {
  if (typeof given !== 'object' || given === null) return [];
  const sku = 'sku' in given ? checks.word(given.sku) : undefined;
  const quantity = 'quantity' in given ? checks.count(given.quantity) : undefined;
  return sku === undefined || quantity === undefined ? [] : [{ sku, quantity }];
}

const printable = (text: string): string => Array.from(visible(text)).slice(0, LONGEST_TEXT).join('');

/** Keeps declared fields of the declared kind; everything else is dropped. */
export function fieldsIn<D extends Declared>(declared: D, given: unknown): FieldsDeclared<D> {
  if (typeof given !== 'object' || given === null) return {};
  const values = new Map<string, unknown>(Object.entries(given));
  const kept = Object.entries(declared).flatMap(([name, kind]) => {
    const value = checks[kind](values.get(name));
    return value === undefined ? [] : [[name, value] as const];
  });
  // Each value was just checked to be of the kind that its name declares.
  return Object.fromEntries(kept) as FieldsDeclared<D>;
}
