/**
 * The limits of a server shared by many teams, lifted: a load test on one machine would run into them.
 * Eager start is the default of newer servers and said for older ones.
 */
export const UNLIMITED = {
  'system.enableEagerWorkflowStart': true,
  'frontend.rps': 100_000,
  'frontend.namespaceRPS': 100_000,
  'frontend.namespaceRPS.visibility': 1_000,
  'matching.rps': 100_000,
  'history.rps': 100_000,
  'matching.persistenceMaxQPS': 45_000,
};
