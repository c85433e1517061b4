import { z } from 'zod';
import { contract } from '../endpoints/contract.ts';
import { eventsQuerySchema } from './events-query.ts';
import { CSV, PARQUET } from './formats.ts';
import { salesItemSchema } from './sales-item.ts';
import { salesQuerySchema } from './sales-query.ts';

const policy = ['analyst', 'operator', 'admin'] as const;
const contentDisposition = z.string().optional().describe('Of a file: what to save it as');
/** Of what can be had in several formats. */
const vary = z.string().optional().describe('`Accept`, where it decides');

export const salesContract = contract({
  method: 'get',
  path: '/analytics/sales',
  operationId: 'sales',
  tag: 'analytics',
  summary: 'Sales by day, week or month, by product or status, to look at or to take along',
  description: `\
Without dates: the last 30 days and today, or the last 12 weeks or months with the present one. Figures are of the \
orders that were placed in that time, as they are now, per currency.

- \`completed\` are those that were completed and not undone; \`quantity\` and \`revenue\` are theirs, \`amount\` is \
that of all. \`averageOrderValue\` is revenue ÷ completed; \`cancellationRate\` is cancelled ÷ orders, \
\`refundRate\` is refunded ÷ (completed + refunded), both from 0 to 1 and null of nothing.
- By product, or with \`sku\`, an order counts once for each product in it, with that line's pieces and money.
- With \`compare=previous\` each figure is there as \`previous…\` too, and with its change in per cent as \`…Change\`, \
null where nothing was before. The dates must be those of whole days, weeks or months.
- Days are those of \`timeZone\`. Weeks and months are named by their first day, also where \`from\` cuts them.
- CSV and Parquet have the same columns. However long, an answer is of one moment; one that is cut short ends with a \
broken connection.`,
  policy,
  query: salesQuerySchema,
  fromViews: true,
  answers: {
    200: {
      description: 'By time, then product or status, then currency; what has no orders is left out',
      body: z.object({ items: z.array(salesItemSchema) }),
      alsoAs: {
        [CSV]: 'RFC 4180 in UTF-8; the names of the columns come first',
        [PARQUET]: 'Compressed with Snappy',
      },
      headers: { 'Content-Disposition': contentDisposition, Vary: vary },
    },
  },
  refusals: ['NOT_ACCEPTABLE', 'EXPORTS_BUSY'],
});

export const eventsContract = contract({
  method: 'get',
  path: '/analytics/events.parquet',
  operationId: 'eventHistory',
  tag: 'analytics',
  summary: 'All events as a table, in the order in which they were published',
  description: `\
\`data\` is JSON text with what has a figure, a product or a code in it. Who ordered, who decided, what people wrote \
and the references of payment provider and carrier are left out, for whoever asks.`,
  policy,
  query: eventsQuerySchema,
  answers: {
    200: {
      description: 'One row for each event that is in the stream now',
      contentType: PARQUET,
      body: z.string().meta({ format: 'binary' }),
      headers: { 'Content-Disposition': contentDisposition },
    },
  },
  refusals: ['NOT_ACCEPTABLE', 'EXPORTS_BUSY'],
});
