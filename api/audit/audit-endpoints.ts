import { listAudit } from '../../db/audit.ts';
import type { Knex } from '../../db/connection.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { encode } from '../queries/query-schemas.ts';
import { listAuditContract } from './contracts.ts';

/** The audit as operators read it. */
export const createAuditEndpoints = ({ db }: { readonly db: Knex }): Endpoint[] => [
  endpoint(listAuditContract, async ({ query: { cursor, ...filter }, response }) => {
    const { entries, next } = await listAudit(db, { ...filter, after: cursor });
    const items = entries.map(({ at, ...entry }) => ({ ...entry, at: at.toISOString() }));
    response.json({ items, ...(next ? { nextCursor: encode(next.at, next.id) } : {}) });
  }),
];
