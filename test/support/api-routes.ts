import type { Express } from 'express';

/** What express keeps of a router; its types leave it out. */
interface Layer {
  readonly route?: {
    readonly path: string | readonly string[];
    readonly methods: Readonly<Record<string, boolean>>;
  };
  readonly handle: { readonly stack?: readonly Layer[] };
}

/** Every route of an app with the methods it carries out, in OpenAPI's way to write paths: `get /orders/{id}`. */
export function routesOf(app: Express): string[] {
  const { stack } = app.router as unknown as { stack: readonly Layer[] };
  return [...new Set(routesIn(stack))].sort();
}

function routesIn(stack: readonly Layer[]): string[] {
  return stack.flatMap(({ route, handle }) => {
    if (!route) return routesIn(handle.stack ?? []);
    const paths = [route.path].flat().map((path) => path.replaceAll(/:(\w+)/g, '{$1}'));
    // `_all` is what answers 405.
    const methods = Object.keys(route.methods).filter((method) => method !== '_all');
    return paths.flatMap((path) => methods.map((method) => `${method} ${path}`));
  });
}
