/**
 * The client's options for the addresses of `NATS_URL`: it reads no scheme by itself. With nats:// a server that
 * offers TLS is connected to with TLS, and one that does not without it.
 */
export function natsServersOf(text: string): { readonly servers: string[]; readonly tls?: object } {
  const urls = text.split(',').map((part) => new URL(part.trim()));
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port === '' ? '4222' : port}`),
    ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
  };
}
