import { format } from 'prettier';

const marked = /^\/\/ doc: (.+)\n([^]*?)(^\/\/ end doc$|(?![^]))/gm;

/**
 * The parts of a source file between `// doc: <name>` and the next `// end doc`, by name, as code blocks.
 * @throws Error for a part that does not end
 */
export function excerptsOf(source: string): Map<string, string> {
  return new Map(
    [...source.matchAll(marked)].map(([, name = '', part = '', end]) => {
      if (end === '') throw new Error(`the part "${name}" does not end`);
      return [name, `\`\`\`ts\n${part.trim()}\n\`\`\``];
    }),
  );
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
