/** The workflows of docs/sagas.md, as a worker registers them. */
export { sampleSaga } from './add-a-saga.ts';
export { expressSaga } from './add-a-step.ts';
