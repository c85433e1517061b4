import { dirname, join, relative } from 'node:path/posix';
import { format } from 'prettier';

const marked = /^\/\/ doc: (.+)\n([^]*?)(^\/\/ end doc$|(?![^]))/gm;

/** Where a reader puts the files that a page quotes: a path for each quoted one, both below the project's root. */
type Places = ReadonlyMap<string, string>;

/**
 * The parts of a source file between `// doc: <name>` and the next `// end doc`, by name, as code blocks.
 * @param quoted where the file lies, and where readers put it and those beside it: the first part then begins with its
 * name and with what all of its parts import
 * @throws Error for a part that does not end
 */
export function excerptsOf(
  source: string,
  quoted?: { readonly path: string; readonly places: Places },
): Map<string, string> {
  const parts = [...source.matchAll(marked)].map(([, name = '', part = '', end]) => {
    if (end === '') throw new Error(`the part "${name}" does not end`);
    return [name, part.trim()] as const;
  });
  const head = quoted ? headOf(source, parts.map(([, part]) => part).join('\n'), quoted) : '';
  return new Map(
    parts.map(([name, part], index) => [name, `\`\`\`ts\n${index === 0 ? head : ''}${part}\n\`\`\``]),
  );
}

const importStatement = /^import (type )?(\w+(?=[ ,]))?(?:, )?(?:\{([^}]*)\})? ?from '([^']+)';$/gm;

/** The file's name, and the imports that its quoted parts need, as they are where a reader puts it. */
function headOf(
  source: string,
  quotedText: string,
  { path, places }: { readonly path: string; readonly places: Places },
): string {
  const place = places.get(path) ?? path;
  const isUsed = (specifier: string): boolean =>
    new RegExp(`\\b${specifier.split(' ').at(-1) ?? ''}\\b`).test(quotedText);
  const imports = [...source.matchAll(importStatement)].flatMap(
    ([statement, type = '', whole = '', named = '', from = '']) => {
      if (quotedText.includes(statement)) return [];
      const names = named.split(',').map((name) => name.trim());
      const used = names.filter((name) => name !== '' && isUsed(name));
      const what = [
        ...(whole !== '' && isUsed(whole) ? [whole] : []),
        ...(used.length > 0 ? [`{ ${used.join(', ')} }`] : []),
      ];
      return what.length === 0
        ? []
        : [`import ${type}${what.join(', ')} from '${moved(from, path, place, places)}';`];
    },
  );
  return [`// ${place}`, ...imports, '', ''].join('\n');
}

/** What an import names, from where a reader puts the file. */
function moved(from: string, path: string, place: string, places: Places): string {
  if (!from.startsWith('.')) return from;
  const target = join(dirname(path), from);
  const there = relative(dirname(place), places.get(target) ?? target);
  return there.startsWith('.') ? there : `./${there}`;
}

const generated = /<!-- generated: (.+?) -->[^]*?<!-- \/generated -->/g;

/**
 * The document with its generated parts as they must be, formatted as `npm run check:format` wants it.
 * @throws Error when a marker has no part, or a part no marker
 */
export async function withParts(document: string, parts: ReadonlyMap<string, string>): Promise<string> {
  const unused = new Set(parts.keys());
  const filled = document.replace(generated, (_whole, name: string) => {
    const part = parts.get(name);
    if (part === undefined) throw new Error(`nothing generates "${name}"`);
    unused.delete(name);
    return `<!-- generated: ${name} -->\n\n${part}\n\n<!-- /generated -->`;
  });
  if (unused.size > 0) throw new Error(`no place in the document for: ${[...unused].join(', ')}`);
  return format(filled, { parser: 'markdown', singleQuote: true, printWidth: 110 });
}
