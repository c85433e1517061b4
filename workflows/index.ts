/** The workflows that a worker registers, by these names. */
export { orderSaga } from './order-saga.ts';
export { shipmentSaga } from './shipment-saga.ts';
export { outboxRelay } from './outbox-relay.ts';
export { outboxHousekeeping } from './outbox-housekeeping.ts';
export { keysHousekeeping } from './keys-housekeeping.ts';
export { audit } from './audit.ts';
export { sagaWatch } from './saga-watch.ts';
