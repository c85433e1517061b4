import { z } from 'zod';

/** The format is for people and documents: what has another one is an order that is not there. */
export const orderParams = z.object({
  id: z.string().meta({ format: 'uuid', description: 'Of an order' }),
});
