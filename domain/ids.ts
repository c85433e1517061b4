import { z } from 'zod';

/** UUIDs of orders and events; new ones are UUIDv7, so that they sort by the time of their making. */
export const orderIdSchema = z.uuid();

/** Upper-case token; also safe as one token of a NATS subject. */
export const skuSchema = z
  .string()
  .regex(
    /^[A-Z0-9][A-Z0-9_-]{0,39}$/,
    'must be 1 to 40 of A–Z, 0–9, "-" and "_", starting with a letter or digit',
  );

/** Opaque to us: chosen by whoever keeps the customers. */
export const customerIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_", ":" or "-"');

/** @returns milliseconds since the epoch that a UUIDv7 carries, or undefined for any other UUID. */
export function timeOfUuidV7(id: string): number | undefined {
  const hex = id.replaceAll('-', '');
  return hex.length === 32 && hex[12] === '7' ? Number.parseInt(hex.slice(0, 12), 16) : undefined;
}
