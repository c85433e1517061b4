import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { projectRoot } from '../support/project-root.ts';

/** Text of a file by the place, below the project's root, that it names or where its page lies. */
type Files = Map<string, string>;

const block = /(?:<!-- generated: ([^:]+): .+? -->\s+)?```(?:ts|typescript)\n([^]*?)```/g;
const place = /^\/\/ (\S+\.tsx?)\n/;

/** What a reader has who copies every block of a page into the file that it belongs to. */
function filesOf(page: string, text: string): Files {
  const files: Files = new Map();
  const places = new Map<string, string>();
  [...text.matchAll(block)].forEach(([, group, code = ''], index) => {
    const own = `${page}-${index + 1}.ts`;
    const file = place.exec(code)?.[1] ?? places.get(group ?? '') ?? own;
    if (group !== undefined) places.set(group, file);
    files.set(file, `${files.get(file) ?? ''}${code}\n`);
  });
  return files;
}

/** What the compiler says about these files, as if they lay beside the project's. */
function faultsOf(files: Files): string[] {
  const at = new Map([...files].map(([name, text]) => [join(projectRoot, name), text]));
  const { config } = ts.readConfigFile(join(projectRoot, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, include: [], files: [] },
    ts.sys,
    projectRoot,
  );
  const disk = ts.createCompilerHost(options);
  const folders = new Set([...at.keys()].map((path) => dirname(path)));
  const host: ts.CompilerHost = {
    ...disk,
    readFile: (path) => at.get(path) ?? disk.readFile(path),
    fileExists: (path) => at.has(path) || disk.fileExists(path),
    directoryExists: (path) => folders.has(path) || (disk.directoryExists?.(path) ?? true),
    getSourceFile: (path, language, ...rest) => {
      const text = at.get(path);
      return text === undefined
        ? disk.getSourceFile(path, language, ...rest)
        : ts.createSourceFile(path, text, language);
    },
  };
  const program = ts.createProgram([...at.keys()], options, host);
  return [...at.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return faults.map(
      ({ messageText }) =>
        `${relative(projectRoot, path)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

describe('the code in the documentation', function () {
  this.timeout(120_000);

  it('compiles as it is copied, with the imports that are shown', async () => {
    const docs = (await readdir(join(projectRoot, 'docs'))).filter((name) => name.endsWith('.md'));
    const files: Files = new Map();
    for (const page of ['README.md', ...docs.map((name) => `docs/${name}`)])
      for (const [file, text] of filesOf(page, await readFile(join(projectRoot, page), 'utf8'))) {
        assert.ok(!files.has(file), `two pages have a file ${file}`);
        files.set(file, text);
      }
    assert.ok(files.size >= 15, `only ${files.size} files`);
    assert.deepEqual(faultsOf(files), []);
  });

  it('is found wanting where an import is missing, or a name that no block declares', () => {
    const page =
      '<!-- generated: a: one -->\n\n```ts\n// domain/a.ts\nexport const a = 1;\n```\n\n```ts\nuse(b);\n```\n';
    const files = filesOf('docs/x.md', page);
    assert.deepEqual([...files.keys()], ['domain/a.ts', 'docs/x.md-2.ts']);
    assert.deepEqual(faultsOf(files), [
      "docs/x.md-2.ts: Cannot find name 'use'.",
      "docs/x.md-2.ts: Cannot find name 'b'.",
    ]);
  });
});
