import { useRunningStack } from './running-stack.ts';

// Loaded before a maintenance command by `npm run`, and not in what is deployed: there the environment says everything.
await useRunningStack();
