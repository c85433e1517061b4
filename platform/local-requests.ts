import type { IncomingMessage, RequestListener } from 'node:http';
import { isLoopbackName } from './loopback.ts';
import { sendProblem } from './plain-problem.ts';

/** Why a request is refused that a page of another site may have made the browser of this machine send. */
interface NotLocal {
  /** 421: it names another host. 403: a page of another site sends it. */
  readonly status: 421 | 403;
  readonly message: string;
}

const READS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * For a server on loopback that authenticates nobody. A browser reaches it all the same for a page of another site:
 * through a name that was made to resolve to 127.0.0.1 (DNS rebinding), or with a form.
 * @param origins of other machines whose pages may send commands; `any` where the server behind checks them
 * @returns undefined for a request that may be answered
 */
export function notLocal(
  { url = '', method, headers }: Pick<IncomingMessage, 'url' | 'method' | 'headers'>,
  origins: readonly string[] | 'any' = [],
): NotLocal | undefined {
  const { host = '', origin } = headers;
  // A target may name the host itself (RFC 9112, section 3.2.2), which then goes before the header.
  const named = url.startsWith('/') || url === '*' ? host : hostOf(url);
  if (!isLoopbackName(host) || !isLoopbackName(named))
    return {
      status: 421,
      message:
        'this server answers for this machine alone; use localhost or 127.0.0.1 as the name of the host',
    };
  if (READS.includes(method) || origin === undefined || origins === 'any' || origins.includes(origin))
    return undefined;
  return isLoopbackName(hostOf(origin))
    ? undefined
    : {
        status: 403,
        message: 'pages of other sites may not send commands here; CORS_ORIGINS names those that may',
      };
}

/** Answers what `notLocal` refuses with problem details, and passes everything else to `next`. */
export const onlyLocal =
  (next: RequestListener, origins: readonly string[] | 'any' = []): RequestListener =>
  (request, response) => {
    const refused = notLocal(request, origins);
    if (refused) sendProblem(response, refused.status, refused.message);
    else next(request, response);
  };

/** @returns '' for what is no URL, such as the origin `null` of a page in a sandbox */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');
