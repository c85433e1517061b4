import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cachedBundle } from '../../../worker/bundle-cache.ts';

/** A bundle as webpack writes it, of one file. */
const bundled = (path: string, content: string): string => {
  const map = JSON.stringify({ sources: [path, 'webpack/bootstrap'], sourcesContent: [content, ''] });
  return `${content}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${Buffer.from(map).toString('base64')}`;
};

describe('a kept workflow bundle', () => {
  let root: string;
  let source: string;
  let builds: number;
  let problems: unknown[];

  beforeEach(async () => {
    [root, builds, problems] = [await mkdtemp(join(tmpdir(), 'bundles-')), 0, []];
    source = join(root, 'workflows', 'index.ts');
    for (const [file, text] of [
      ['node_modules/.package-lock.json', '{}'],
      ['workflows/index.ts', 'first'],
      ['workflows/other.ts', 'type Other = 1'],
    ] as const) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), text);
    }
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const get = async (folder = join(root, 'cache'), read = source): Promise<string> => {
    const build = async (): Promise<{ code: string }> => {
      builds += 1;
      return { code: bundled(read, await readFile(source, 'utf8')) };
    };
    const onProblem = (error: unknown): unknown => problems.push(error);
    const { code } = await cachedBundle({ folder, root, sources: ['workflows'], build, onProblem });
    return code.split('\n')[0] ?? '';
  };

  it('is taken again while nothing has changed', async () => {
    assert.deepEqual([await get(), await get(), builds, problems], ['first', 'first', 1, []]);
  });

  const changes: readonly (readonly [name: string, file: string, text: string])[] = [
    ['a source', 'workflows/index.ts', 'second'],
    ['a source that compiled to nothing', 'workflows/other.ts', 'export const other = 1'],
    ['a new source', 'workflows/deep.ts', ''],
    ['an installed package', 'node_modules/.package-lock.json', '{"packages":{}}'],
    ['the compiler’s settings', 'tsconfig.json', '{}'],
    ['a configuration of swc', '.swcrc', '{}'],
  ];
  for (const [name, file, text] of changes)
    it(`is built again when ${name} has changed`, async () => {
      await get();
      await writeFile(join(root, file), text);
      assert.equal(await get(), await readFile(source, 'utf8'));
      assert.equal(builds, 2);
    });

  it('is built again when its file was damaged', async () => {
    await get();
    const [entry = ''] = await readdir(join(root, 'cache'));
    const whole = await readFile(join(root, 'cache', entry), 'utf8');
    for (const damaged of [whole.slice(0, 50), whole.replace('"code":"first', '"code":"fires'), '']) {
      await writeFile(join(root, 'cache', entry), damaged);
      assert.equal(await get(), 'first');
    }
    assert.equal(builds, 4);
  });

  it('is not kept when it was made of something else than the sources it would be kept for', async () => {
    for (let time = 1; time <= 2; time++) await get(undefined, join(root, 'elsewhere.ts'));
    assert.equal(builds, 2);
    assert.match(String(problems[0]), /elsewhere\.ts was bundled in another state/);
  });

  it('is used all the same where it cannot be kept', async () => {
    assert.equal(await get(join(source, 'below-a-file')), 'first');
    assert.equal(problems.length, 1);
  });

  it('is not kept where it is not known which packages are installed', async () => {
    await rm(join(root, 'node_modules'), { recursive: true });
    await get();
    await get();
    assert.equal(builds, 2);
  });
});
