import { z } from 'zod';

const SCHEMES = ['nats:', 'tls:'];
const WHAT_WORKS =
  'must be addresses with commas between, each like nats://127.0.0.1:4222, or tls://… to connect with TLS only';

/** What is wrong with one address; undefined when nothing is. Says nothing of the address, which may hold a password. */
function faultOf(text: string): string | undefined {
  if (!URL.canParse(text)) return WHAT_WORKS;
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text);
  if (username !== '' || password !== '')
    return 'must hold no user and password; set NATS_USER and NATS_PASSWORD, which hold for all servers';
  if (['ws:', 'wss:'].includes(protocol)) return `cannot use WebSockets; ${WHAT_WORKS}`;
  if (!SCHEMES.includes(protocol) || hostname === '') return WHAT_WORKS;
  return pathname.replace('/', '') + search + hash === ''
    ? undefined
    : `${WHAT_WORKS}, and no path behind it`;
}

const partsOf = (text: string): string[] => text.split(',').map((part) => part.trim());

/** One address of a server, or several of one cluster. */
export const natsUrl = z.string().superRefine((text, context) => {
  const parts = partsOf(text);
  const schemes = new Set<string>();
  for (const part of parts) {
    const fault = faultOf(part);
    if (fault !== undefined) {
      context.addIssue({ code: 'custom', message: fault });
      return;
    }
    schemes.add(new URL(part).protocol);
  }
  if (schemes.size > 1)
    context.addIssue({
      code: 'custom',
      message:
        'must be all tls:// or all nats://, because TLS is used with all servers or need not be with any',
    });
});

/**
 * The client's options for what `natsUrl` has let through: it reads no scheme by itself. With nats:// a server that
 * offers TLS is connected to with TLS, and one that does not without it.
 */
export function natsServersOf(text: string): { readonly servers: string[]; readonly tls?: object } {
  const urls = partsOf(text).map((part) => new URL(part));
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? '4222' : port}`),
    ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
  };
}
