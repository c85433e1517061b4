import type { RequestListener } from 'node:http';
import { z } from 'zod';
import { onlyLocal } from '../platform/local-requests.ts';
import { listen } from './listen.ts';
import { proxyTo } from './proxy.ts';
import type { RunningServer } from './servers/start-server.ts';

const WORKFLOW_PAGE = /^\/namespaces\/([^/?#]+)\/workflows\/([^/?#]+)$/;
const DESCRIBED_WITHIN_MS = 2_000;

const describedSchema = z.object({
  workflowExecutionInfo: z.object({ execution: z.object({ runId: z.uuid() }) }),
});

/**
 * Puts a Web UI that answers whoever reaches it, by whatever name, behind a proxy that answers for this machine alone.
 * The UI's own port stays open on loopback; it is another one at each start, so that a page cannot know it. The address
 * of a workflow opens the tab that says in words where the workflow is; by itself the UI opens its history.
 * @returns the server, which takes the proxy with it when it stops, and the address for people
 */
export async function guardUi<Server extends RunningServer>(
  server: Server,
  { hiddenPort, port }: { readonly hiddenPort: number; readonly port: number },
): Promise<{ readonly server: Server; readonly url: string }> {
  const base = `http://127.0.0.1:${hiddenPort}`;
  const ui = proxyTo(() => ({ name: 'Temporal Web UI', base }));
  const proxy = await listen(onlyLocal(openingDetails(ui, base)), port);
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

/** The tab with the current details has the id of the run in its address, which a link to a workflow does not know. */
function openingDetails(ui: RequestListener, base: string): RequestListener {
  return (request, response) => {
    const { method, url = '' } = request;
    if (method !== 'GET' || !WORKFLOW_PAGE.test(url)) {
      ui(request, response);
      return;
    }
    currentRun(base, url)
      .then((runId) => {
        response
          .writeHead(302, { location: `${url}/${runId}/user-metadata`, 'cache-control': 'no-store' })
          .end();
      })
      // No such workflow, the UI does not answer, or its address makes no header: the UI says so itself.
      .catch(() => {
        if (response.headersSent) response.destroy();
        else ui(request, response);
      });
  };
}

/** @throws Error when the UI does not answer in time, or knows no such workflow */
async function currentRun(base: string, page: string): Promise<string> {
  const answer = await fetch(`${base}/api/v1${page}`, { signal: AbortSignal.timeout(DESCRIBED_WITHIN_MS) });
  return describedSchema.parse(await answer.json()).workflowExecutionInfo.execution.runId;
}
