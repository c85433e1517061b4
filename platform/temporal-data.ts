import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What every client and worker passes to Temporal's SDK as `dataConverter`, and the bundle of the workflows is made with:
 * failures are written with the fixed texts of their codes. The SDK takes a path, because it loads the module in the
 * sandbox, too. Sources and `dist/` differ in the suffix, and the compiler does not rewrite this one.
 */
export const dataConverter: { readonly failureConverterPath: string } = {
  failureConverterPath: fileURLToPath(
    new URL(`../workflows/failure-converter${extname(import.meta.url)}`, import.meta.url),
  ),
};
