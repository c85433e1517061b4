import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

interface Place {
  readonly name: string;
  readonly href: string;
  /** What is there, in a few words. */
  readonly what: string;
}

const SIGN_POST = /^\/(\?|$)/;

/** What there is to see under the address of the stack. @param uiUrl of Temporal's Web UI, where it is known */
const placesOf = (uiUrl: string | undefined): Place[] => [
  { name: 'API documentation', href: '/docs', what: 'every route, to read and to try' },
  { name: 'Orders', href: '/orders', what: 'the newest first' },
  { name: 'Products', href: '/products', what: 'with what the next order can still take' },
  { name: 'Stuck sagas', href: '/operations/sagas?state=stuck', what: 'what waits for an operator' },
  { name: 'Failing sagas', href: '/operations/sagas?state=failing', what: 'whose workflow code fails' },
  { name: 'Slow sagas', href: '/operations/sagas?state=slow', what: 'older than their step expects' },
  { name: 'Fault dials', href: '/dev/faults', what: 'how much goes wrong on purpose' },
  ...(uiUrl === undefined
    ? []
    : [
        { name: 'Temporal Web UI', href: uiUrl, what: 'each saga, step by step, in its tab "User Metadata"' },
      ]),
];

/** Answers `GET /` with where to go, as a page or as JSON by `Accept`; everything else is passed on. */
export function withHome(next: RequestListener, uiUrl: string | undefined): RequestListener {
  const places = placesOf(uiUrl);
  return (request, response) => {
    const isHome =
      SIGN_POST.test(request.url ?? '') && (request.method === 'GET' || request.method === 'HEAD');
    if (!isHome) next(request, response);
    else if (wantsPage(request)) send(response, 'text/html; charset=utf-8', page(places));
    else
      send(response, 'application/json; charset=utf-8', JSON.stringify({ name: 'Durable Orders', places }));
  };
}

/** Browsers name HTML; curl takes anything. */
const wantsPage = ({ headers }: IncomingMessage): boolean => /\btext\/html\b/.test(headers.accept ?? '');

function send(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    vary: 'Accept',
  });
  // Node leaves it out for HEAD.
  response.end(body);
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (places: readonly Place[]): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Durable Orders</title>
<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>
<h1>Durable Orders is running</h1>
<ul>
${places.map(({ name, href, what }) => `<li><a href="${escaped(href)}">${escaped(name)}</a>: ${escaped(what)}</li>`).join('\n')}
</ul>
<p>The terminal of <code>npm start</code> shows how to place an order.</p>
</html>
`;
