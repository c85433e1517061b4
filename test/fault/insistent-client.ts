import { setTimeout as pause } from 'node:timers/promises';
import { post } from '../support/http.ts';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Insisting {
  readonly headers?: Record<string, string>;
  /** Whether the request is answered for good; otherwise it is sent again. */
  readonly isFinal: (answer: Answer) => boolean | Promise<boolean>;
  /** Statuses below 500 after which it is sent again. */
  readonly mayBe: readonly number[];
}

/** Sends requests until they have an answer, as a client does that must not lose one. */
interface InsistentClient {
  /** Every answer, each once, without its trace id. */
  readonly answers: ReadonlySet<string>;
  /** @throws Error for an answer that is neither final nor expected */
  post(url: string, body: unknown, options: Insisting): Promise<Answer>;
  /** Ends all that insist, with an error. */
  abandon(): void;
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 4_000;

export function createInsistentClient(): InsistentClient {
  const abandoning = new AbortController();
  const answers = new Set<string>();

  async function read(response: Response): Promise<Answer | undefined> {
    const text = await response.text().catch(noAnswer);
    if (text === undefined) return undefined;
    answers.add(text.replace(/"(traceId|orderId)":"[^"]*"/g, '"$1":""'));
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  return {
    answers,
    post: async (url, body, { headers, isFinal, mayBe }) => {
      for (let waitMs = FIRST_RETRY_MS; !abandoning.signal.aborted;) {
        const response = await post(url, body, headers).catch(noAnswer);
        const answer = response && (await read(response));
        if (answer && (await isFinal(answer))) return answer;
        if (answer && answer.status < 500 && !mayBe.includes(answer.status))
          throw new Error(`${url} refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
        await pause(waitMs);
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
      }
      throw new Error(`${url} was given up before it was answered`);
    },
    abandon: () => {
      abandoning.abort();
    },
  };
}

/** What `fetch` rejects with when a connection is refused or breaks; anything else is a fault of the test or the API. */
export function noAnswer(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}
