interface InterruptDeps {
  /** Called once, on the first. */
  readonly stop: () => void;
  /** Called when another comes later: the person does not want to wait. */
  readonly kill: () => void;
  /** Milliseconds on any clock that only goes forward. */
  readonly now: () => number;
}

/** npm passes on the SIGINT that the terminal has already sent to the whole group: two arrive for one Ctrl-C. */
const SAME_KEYSTROKE_MS = 500;

/** A handler for SIGINT and SIGTERM. */
export function createInterruptHandler({ stop, kill, now }: InterruptDeps): () => void {
  let first: number | undefined;
  return () => {
    if (first === undefined) {
      first = now();
      stop();
    } else if (now() - first > SAME_KEYSTROKE_MS) {
      kill();
    }
  };
}
