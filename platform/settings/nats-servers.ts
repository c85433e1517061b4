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

/** An empty part is a mistake here. */
const addressesOf = (text: string): string[] => text.split(',').map((part) => part.trim());

/** One address of a server, or several of one cluster. */
export const natsUrl = z.string().superRefine((text, context) => {
  const parts = addressesOf(text);
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
