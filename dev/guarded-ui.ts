import { listen } from './listen.ts';
import { proxyTo } from './proxy.ts';
import type { RunningServer } from './servers/start-server.ts';

/**
 * Puts a Web UI that answers whoever reaches it, by whatever name, behind a proxy that answers for this machine alone.
 * The UI's own port stays open on loopback; it is another one at each start, so that a page cannot know it.
 * @returns the server, which takes the proxy with it when it stops, and the address for people
 */
export async function guardUi<Server extends RunningServer>(
  server: Server,
  { hiddenPort, port }: { readonly hiddenPort: number; readonly port: number },
): Promise<{ readonly server: Server; readonly url: string }> {
  const upstream = { name: 'Temporal Web UI', base: `http://127.0.0.1:${hiddenPort}` };
  const proxy = await listen(
    proxyTo(() => upstream),
    port,
  );
  return {
    server: {
      ...server,
      stop: async (limitMs) => {
        await proxy.close();
        await server.stop(limitMs);
      },
    },
    url: `http://127.0.0.1:${port}`,
  };
}
