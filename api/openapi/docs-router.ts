import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import type { RequestHandler, Router } from 'express';
import type { oas31 } from 'zod-openapi';
import { contentSecurityPolicy } from 'helmet';
import { strictRouter } from '../../platform/strict-router.ts';
import { allowOnly } from '../problems.ts';
import { docsPage, docsPolicy, docsScript } from './docs-page.ts';

const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
/** The package would also serve a page of its own that shows the document of another API: only these are served. */
const assets = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];
const DAY_S = 24 * 3_600;

/** `/openapi.json` and a page to read and try it, `/docs`: for everybody. */
export function createDocsRouter(apiDocument: oas31.OpenAPIObject): Router {
  const document = JSON.stringify(apiDocument);
  const router = strictRouter();
  router.get('/openapi.json', send('json', document));
  router.get(
    '/docs',
    contentSecurityPolicy({ useDefaults: false, directives: docsPolicy }),
    send('html', docsPage),
  );
  router.get('/docs/start.js', send('js', docsScript));
  for (const asset of assets) {
    // From memory: parts of a file and conditions on it (Range, If-Match) are of no use here.
    const content = readFileSync(join(folder, asset));
    router.get(`/docs/${asset}`, (_request, response) => {
      response.type(extname(asset)).set('Cache-Control', `public, max-age=${DAY_S}`).send(content);
    });
  }
  router.all(['/openapi.json', '/docs'], allowOnly('GET', 'HEAD'));
  return router;
}

const send =
  (type: string, content: string): RequestHandler =>
  (_request, response) => {
    response.type(type).send(content);
  };
