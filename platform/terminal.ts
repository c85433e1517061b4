import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { visible } from '../domain/characters.ts';

/** Shows by its name what would move the cursor, colour, hide or reorder text: ids, causes and reasons come from anywhere. */
const visibleOn = (stream: NodeJS.WriteStream): Writable =>
  new Writable({
    decodeStrings: false,
    // At once, so that nothing is lost when the process ends right after it.
    write: (chunk: string, _encoding, done) => {
      stream.write(visible(chunk, '\n'));
      done();
    },
  });

/** For what a maintenance command tells a person. */
export const terminal = new Console({
  stdout: visibleOn(process.stdout),
  stderr: visibleOn(process.stderr),
});

/** JSON that says the same to a program, with the characters that a terminal must not get as escapes. */
export const jsonText = (value: unknown, indent = 2): string =>
  escapeHidden(JSON.stringify(value, null, indent));

const escapeHidden = (json: string): string =>
  json.replace(/[^\n\u0020-\u007e]/g, (unit) =>
    visible(unit) === unit ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
