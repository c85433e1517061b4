import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.ts';

/** A part of docs/operations.md, with its commands in the order of the page. */
export interface Section {
  readonly title: string;
  readonly commands: readonly string[];
}

/** Blocks that hold no commands. Any other fence is refused, so that no command is overlooked. */
const NO_COMMANDS = ['json', 'yaml', 'text', 'sql', 'conf'];

/** Reads docs/operations.md. @throws Error for a block in a language that is not known */
export async function readGuide(): Promise<readonly Section[]> {
  return parseGuide(await readFile(join(projectRoot, 'docs/operations.md'), 'utf8'));
}

/** Exported for its test. */
export function parseGuide(page: string): readonly Section[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const title = part.slice(0, part.indexOf('\n')).trim();
      return { title, commands: blocksOf(title, part).flatMap(commandsOf) };
    });
}

function blocksOf(title: string, part: string): string[] {
  const blocks: string[] = [];
  for (const [, language = '', body = ''] of part.matchAll(/^```(.*)\n([^]*?)^```$/gm)) {
    if (language === 'sh') blocks.push(body);
    else if (!NO_COMMANDS.includes(language))
      throw new Error(
        `"${title}" has a block in "${language}": commands are in sh, and other text in ${NO_COMMANDS.join(', ')}`,
      );
  }
  return blocks;
}

/** A command is a line, with those that it goes on in; comments are left out. */
const commandsOf = (block: string): string[] =>
  block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => line.replace(/\s+# .*$|^# .*$/, '').trim())
    .filter((line) => line !== '');
