/** Names and addresses that only this machine can reach. */
const loopback: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** Said in messages. */
export const LOOPBACK = '127.0.0.1, ::1 or localhost';

export const isLoopback = (host: string): boolean => loopback.includes(host.replace(/^\[(.*)\]$/, '$1'));
