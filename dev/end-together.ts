interface Stack {
  /** Ends everything in order. */
  readonly stop: () => Promise<void>;
  /** SIGKILL to everything, at once. */
  readonly kill: () => void;
  /** Tells people of an error. */
  readonly report: (error: unknown) => void;
}

/**
 * Sees to it that nothing outlives this process, however it ends short of SIGKILL: an error that nobody catches stops
 * the stack in order before the process ends with it, and whatever is left at the exit is killed.
 */
export function endTogether({ stop, kill, report }: Stack): void {
  let isEnding = false;
  const end = (error: unknown): void => {
    report(error);
    // A second error while the first one is dealt with: in order is no longer possible.
    if (isEnding) process.exit(1);
    isEnding = true;
    stop().then(
      () => process.exit(1),
      (failure: unknown) => {
        report(failure);
        process.exit(1);
      },
    );
  };
  // A promise that nobody waits for ends here, too.
  process.on('uncaughtException', end);
  process.on('exit', kill);
}
