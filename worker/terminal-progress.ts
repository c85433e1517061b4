/** Shows how far a command is, on one line of a terminal; nothing where stderr goes elsewhere. */
export function showProgress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
}

/** Removes that line, before the command writes anything else. */
export const clearProgress = (): void => {
  showProgress('');
};
