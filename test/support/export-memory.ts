import { get, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** More is looked at less often: the time that it takes grows with what the process holds. */
const STEP = 3;

/**
 * Reads an answer to its end and throws it away.
 * @returns the most memory that was in use on the way, in MB, beside what was before; and the length of the answer
 */
export async function memoryFor(url: string): Promise<{ peakMb: number; bytes: number }> {
  const used = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 2 ** 20;
  };
  const before = used();
  let peak = before;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false }, resolve).once('error', reject);
  });
  if (response.statusCode !== 200) throw new Error(`${url} answered ${String(response.statusCode)}`);
  let bytes = 0;
  let next = 2 ** 16;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes < next) continue;
    peak = Math.max(peak, used());
    next = bytes * STEP;
  }
  return { peakMb: peak - before, bytes };
}
