/** Names and addresses that only this machine can reach. */
const loopback: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** Said in messages. */
export const LOOPBACK = '127.0.0.1, ::1 or localhost';

export const isLoopback = (host: string): boolean => loopback.includes(host.replace(/^\[(.*)\]$/, '$1'));

/**
 * Whether a name, as browsers write it in `Host` and `Origin`, can only mean this machine: an address of 127.0.0.0/8,
 * `[::1]`, `localhost` or a name below it (RFC 6761), with or without a port.
 */
export const isLoopbackName = (host: string): boolean =>
  /^(127(\.\d{1,3}){3}|\[::1\]|([a-z0-9-]+\.)*localhost\.?)(:\d{1,5})?$/i.test(host);
