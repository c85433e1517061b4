import { once } from 'node:events';
import { createServer } from 'node:net';

/** Answers each connection with an error of PostgreSQL's protocol and closes it, as servers and poolers do. */
export async function refusing(code: string, message: string): Promise<{ port: number; close(): void }> {
  const fields = [`SFATAL`, `VFATAL`, `C${code}`, `M${message}`].map((field) => `${field}\0`).join('');
  const body = Buffer.from(`${fields}\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // the client leaves as it likes
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from('E'), length, body])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    close: () => {
      server.close();
    },
  };
}
