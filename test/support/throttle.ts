import { hasCode } from '../../dev/servers/process-identity.ts';

/** As long as the period in which Linux counts a container's CPU quota. */
const PERIOD_MS = 100;

/**
 * Lets a process run for a share of each 100 ms and stops it for the rest, as a CPU quota does, until the returned
 * function is called or the process has ended.
 * @param share above 0, below 1
 */
export function throttle(pid: number, share: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): boolean => {
    try {
      process.kill(pid, name);
      return true;
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
      return false;
    }
  };
  const runFor = (name: 'SIGSTOP' | 'SIGCONT', ms: number): void => {
    if (isOver || !signal(name)) return;
    timer = setTimeout(() => {
      if (name === 'SIGCONT') runFor('SIGSTOP', PERIOD_MS * (1 - share));
      else runFor('SIGCONT', PERIOD_MS * share);
    }, ms);
  };
  runFor('SIGSTOP', PERIOD_MS * (1 - share));
  return () => {
    isOver = true;
    clearTimeout(timer);
    signal('SIGCONT');
  };
}
