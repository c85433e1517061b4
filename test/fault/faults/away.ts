import { setTimeout as pause } from 'node:timers/promises';
import type { Fire } from '../fire.ts';
import { turnDials } from './dials.ts';
import type { Fault } from './fault.ts';

interface Service {
  readonly leave: (fire: Fire) => Promise<void>;
  readonly comeBack: (fire: Fire) => Promise<void>;
}

const services = {
  PostgreSQL: {
    leave: ({ stack }) => stack.shutDownPostgres(),
    comeBack: ({ stack }) => stack.startServer('postgres'),
  },
  NATS: {
    leave: ({ stack }) => stack.killServer('nats'),
    comeBack: ({ stack }) => stack.startServer('nats'),
  },
  Temporal: {
    leave: ({ stack }) => stack.killServer('temporal'),
    comeBack: ({ stack }) => stack.startServer('temporal'),
  },
  'the payment provider': {
    leave: (fire) => turnDials(fire, { paymentOutage: true }),
    comeBack: (fire) => turnDials(fire, { paymentOutage: false }),
  },
  'the carrier': {
    leave: (fire) => turnDials(fire, { carrierOutage: true }),
    comeBack: (fire) => turnDials(fire, { carrierOutage: false }),
  },
} satisfies Readonly<Record<string, Service>>;
type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as ServiceName[];

/** These services cannot be reached, all at the same time. */
export const away = (names: readonly ServiceName[], ms: number): Fault => ({
  name: `${names.join(' and ')} cannot be reached for ${ms / 1_000} s`,
  run: async (fire) => {
    for (const name of names) await services[name].leave(fire);
    await pause(ms);
    for (const name of names) await services[name].comeBack(fire);
  },
});
