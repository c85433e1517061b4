import { NOTHING_BOOKED, type BookedMoney } from './books.ts';
import type { Check } from './check.ts';
import { isCancelled, isUndoing, type OrderFacts, type OrderRow } from './order-facts.ts';

/** What the provider's entries of one order come to. */
type Balance =
  'nothing charged' | 'its total charged once' | 'its total charged and given back' | 'a wrong sum';

export const providerCheck: Check<OrderFacts> = {
  name: 'provider-books',
  holds:
    'the payment provider charged each order that is paid once, its total, and keeps nothing of one that was cancelled or refunded',
  advice:
    'Compare the order (GET /orders/:id) with the provider’s statement, and refund or charge at the provider. Where the row is behind, find out whether its saga still runs. Nothing repairs money by itself.',
  isOutside: true,
  judge: ({ row, money }) => {
    if (!row) return money && `${described(money)}, and there is no such order`;
    const booked = money ?? NOTHING_BOOKED;
    const { totalMinor, currency, payment, status } = row;
    if (money && money.currency !== currency)
      return `${described(money)}; its total is ${totalMinor} ${currency}`;
    if (booked.charged !== booked.charges * totalMinor)
      return `${described(booked)}; its total is ${totalMinor} ${currency}`;
    if (payment === 'BY_HAND' || payment === 'WAIVED') {
      const kept = booked.charged - booked.refunded;
      return kept < 0 || kept > totalMinor
        ? `${described(booked)}; an operator settled it, and no more than its total may be kept`
        : undefined;
    }
    const balance = balanceOf(booked, totalMinor);
    const { right, soon } = balancesThatMayBe(row);
    if (right.includes(balance)) return undefined;
    const facets = `(status ${status}, payment ${payment})`;
    if (!soon.includes(balance))
      return `${described(booked)}, and ${right.join(' or ')} would be right ${facets}`;
    return money?.isRecent === true || row.stuckCause !== null
      ? undefined
      : `${described(booked)} for more than an hour, and its row does not know ${facets}`;
  },
};

/** @param totalMinor what each of its charges comes to */
function balanceOf({ charges, refunds, charged, refunded }: BookedMoney, totalMinor: number): Balance {
  const kept = charged - refunded;
  if (charges === 0 && refunds === 0) return 'nothing charged';
  if (charges === refunds && kept === 0) return 'its total charged and given back';
  return charges - refunds === 1 && kept === totalMinor ? 'its total charged once' : 'a wrong sum';
}

interface Balances {
  readonly right: readonly Balance[];
  /** The provider acts first and the row follows: right for a while, or as long as an operator is waited for. */
  readonly soon: readonly Balance[];
}

function balancesThatMayBe(row: OrderRow): Balances {
  const { payment, status } = row;
  if (isCancelled(status))
    return { right: ['nothing charged', 'its total charged and given back'], soon: [] };
  switch (payment) {
    case 'NONE':
      // The charge is asked for once the row says RESERVED.
      if (status === 'PENDING') return { right: ['nothing charged'], soon: [] };
      // An undo that begins may find a charge of which no answer came, however old.
      return isUndoing(row)
        ? {
            right: ['nothing charged', 'its total charged once'],
            soon: ['its total charged and given back'],
          }
        : { right: ['nothing charged'], soon: ['its total charged once'] };
    case 'CHARGED':
      return {
        right: ['its total charged once'],
        soon: isUndoing(row) ? ['its total charged and given back'] : [],
      };
    case 'REFUNDED':
    case 'BY_HAND':
    case 'WAIVED':
      return { right: ['nothing charged', 'its total charged and given back'], soon: [] };
  }
}

/** `charged 4050 EUR, gave back 4050 EUR`; how often, when it was more than once. */
function described({ charges, refunds, charged, refunded, currency }: BookedMoney): string {
  const times = (n: number): string => (n > 1 ? ` in ${n} entries` : '');
  if (charges + refunds === 0) return 'the provider charged nothing';
  return [
    `the provider charged ${charged} ${currency}${times(charges)}`,
    ...(refunds > 0 ? [`gave back ${refunded} ${currency}${times(refunds)}`] : []),
  ].join(', ');
}
