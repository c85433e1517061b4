/** A stack in the situation that a section of docs/operations.md is about. */
export interface Situation {
  /** What the section's commands are run with, beside PATH: addresses of the stack, and ids that the page names. */
  readonly env: Readonly<Record<string, string>>;
  /** What holds once all commands of the section have been run. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** How the commands of a section are tested. */
export interface Scenario {
  prepare(): Promise<Situation>;
  /** Exit codes other than 0, by command as it is in the page. */
  readonly codes?: Readonly<Record<string, number>>;
  /** What the output of a command has to show. */
  readonly shows?: Readonly<Record<string, RegExp>>;
  /** Commands that need what a test does not have, by command, each with the reason. */
  readonly notRun?: Readonly<Record<string, string>>;
}
