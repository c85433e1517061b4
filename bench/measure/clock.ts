/** The system's monotonic clock in microseconds: the same for all processes of the machine, as V8's profiles have it. */
export const monotonicMicros = (): number => Number(process.hrtime.bigint() / 1_000n);
