import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { childEnvironment } from '../../../platform/config.ts';
import { delimiter, dirname } from 'node:path';
import { findTemporal } from '../../../dev/servers/known-servers.ts';
import { progress } from '../../support/servers.ts';
import { projectRoot } from '../../support/project-root.ts';
import { parseGuide, readGuide, type Section } from './guide.ts';
import type { Scenario, Situation } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

const WITHIN_MS = 120_000;

/** Of the `temporal` command that the page uses, where it is not on PATH already. */
const temporalFolder = async (): Promise<string> => dirname(await findTemporal({ progress }));

/** Runs a command as a person would in the project's folder. @returns its exit code, and all that it wrote */
const run = (
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> =>
  new Promise((resolve) => {
    const options = { cwd: projectRoot, env: childEnvironment(env), timeout: WITHIN_MS };
    const child = execFile('bash', ['-o', 'pipefail', '-c', command], options, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, output: out + err });
    });
  });

const scenarioOf = (title: string): Scenario | undefined => scenarios[title];

async function runCommands({ title, commands }: Section, situation: Situation): Promise<void> {
  const { codes = {}, shows = {}, notRun = {} } = scenarioOf(title) ?? {};
  const env = {
    ...situation.env,
    PATH: [childEnvironment({})['PATH'], await temporalFolder()].join(delimiter),
  };
  for (const command of commands) {
    if (command in notRun) continue;
    const { code, output } = await run(command, env);
    assert.equal(code, codes[command] ?? 0, `${command}\n${output}`);
    if (shows[command]) assert.match(output, shows[command], command);
  }
}

describe('docs/operations.md', function () {
  this.timeout(600_000);
  let sections: readonly Section[];
  before(async () => {
    sections = (await readGuide()).filter(({ commands }) => commands.length > 0);
  });

  it('has a scenario for each section with commands, and a command for all that a scenario names', () => {
    assert.deepEqual(sections.map(({ title }) => title).sort(), Object.keys(scenarios).sort());
    for (const { title, commands } of sections) {
      const { codes, shows, notRun } = scenarioOf(title) ?? {};
      for (const named of Object.keys({ ...codes, ...shows, ...notRun }))
        assert.ok(commands.includes(named), `"${title}" has no command ${named}`);
      assert.ok(Object.keys(notRun ?? {}).length < commands.length, `no command of "${title}" is run`);
    }
  });

  it('is read command by command, and refuses a block that would not be run', () => {
    const block = '## One\n\n```sh\n# first\nfirst --a \\\n  --b   # why\nsecond "$X" | third\n```\n## Two\n';
    assert.deepEqual(parseGuide(block), [
      { title: 'One', commands: ['first --a --b', 'second "$X" | third'] },
      { title: 'Two', commands: [] },
    ]);
    assert.throws(() => parseGuide('## One\n\n```console\nfirst\n```\n'), /"One" has a block in "console"/);
  });

  for (const title of Object.keys(scenarios))
    it(`"${title}": its commands do what the page says`, async () => {
      const section = sections.find((each) => each.title === title);
      assert.ok(section, `the page has no section "${title}"`);
      const situation = await scenarios[title]!.prepare();
      try {
        await runCommands(section, situation);
        await situation.check();
      } finally {
        await situation.close();
      }
    });
});
