import { join } from 'node:path';
import { runCommand } from '../../dev/servers/run-command.ts';
import { projectRoot } from './project-root.ts';
import { progress } from './servers.ts';

let built: Promise<string> | undefined;

/** The folder that `npm run build` fills; built once per run. */
export const build = (): Promise<string> =>
  (built ??= runCommand('npm', ['run', 'build'], { progress, cwd: projectRoot }).then(() =>
    join(projectRoot, 'dist'),
  ));
