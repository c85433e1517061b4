import type { IncomingMessage } from 'node:http';
import { isLoopbackName } from './loopback.ts';

/** A request that a page of somewhere else may have made the browser of this machine send. */
export class NotLocal extends Error {
  override readonly name = 'NotLocal';
  /** 421: it names another host. 403: another site sends it. */
  readonly status: 421 | 403;
  constructor(status: 421 | 403, message: string) {
    super(message);
    this.status = status;
  }
}

const READS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * For a server that lets in everybody who reaches it, which is bound to loopback: a name of somewhere else that resolves
 * to 127.0.0.1 (DNS rebinding), and a form of another site, reach it through a browser all the same.
 * @param origins of other machines whose pages may send commands; `any` where whoever is behind checks them
 * @throws NotLocal
 */
export function requireLocal(
  { url = '', method, headers }: Pick<IncomingMessage, 'url' | 'method' | 'headers'>,
  origins: readonly string[] | 'any' = [],
): void {
  const { host = '', origin } = headers;
  // A target may name the host itself (RFC 9112, section 3.2.2), which then goes before the header.
  const named = url.startsWith('/') || url === '*' ? host : hostOf(url);
  if (!isLoopbackName(host) || !isLoopbackName(named))
    throw new NotLocal(
      421,
      'this server answers for this machine alone; use localhost or 127.0.0.1 as the name of the host',
    );
  if (READS.includes(method) || origin === undefined || origins === 'any' || origins.includes(origin)) return;
  if (!isLoopbackName(hostOf(origin)))
    throw new NotLocal(
      403,
      'pages of other sites may not send commands here; CORS_ORIGINS names those that may',
    );
}

/** @returns '' for what is no URL, such as the origin `null` of a page in a sandbox */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '');
