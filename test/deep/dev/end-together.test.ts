import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.ts';

const module = join(projectRoot, 'dev/end-together.ts');

/** Runs a process that keeps a stack of which it prints what is done to it. */
async function run(then: string, stop = 'Promise.resolve()'): Promise<{ code: unknown; said: string[] }> {
  const script = `
    import { writeSync } from 'node:fs';
    import { endTogether } from ${JSON.stringify(module)};
    const say = (text) => writeSync(1, text + '\\n');
    endTogether({
      stop: () => { say('stop'); return ${stop}; },
      kill: () => say('kill'),
      report: (error) => say('report ' + error.message),
    });
    setInterval(() => undefined, 1_000);
    ${then}`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: projectRoot,
  });
  let output = '';
  child.stdout.on('data', (part: Buffer) => {
    output += part.toString();
  });
  const [code] = (await once(child, 'close')) as [unknown];
  return { code, said: output.trim().split('\n') };
}

describe('a process that keeps others', () => {
  it('stops them in order when an error is caught by nobody, and ends with a failure', async () => {
    assert.deepEqual(await run('setTimeout(() => { throw new Error("boom"); })'), {
      code: 1,
      said: ['report boom', 'stop', 'kill'],
    });
  });

  it('does the same for a promise that nobody waits for', async () => {
    assert.deepEqual(await run('void Promise.reject(new Error("boom"))'), {
      code: 1,
      said: ['report boom', 'stop', 'kill'],
    });
  });

  it('kills what is left when it cannot be stopped, and when it ends in any other way', async () => {
    assert.deepEqual(
      await run('setTimeout(() => { throw new Error("boom"); })', 'Promise.reject(new Error("stuck"))'),
      {
        code: 1,
        said: ['report boom', 'stop', 'report stuck', 'kill'],
      },
    );
    assert.deepEqual(await run('process.exit(3)'), { code: 3, said: ['kill'] });
  });
});
