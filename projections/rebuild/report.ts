import { count, type Tell } from './progress.ts';
import { isDifferent, type TableDifferences } from './differences.ts';

/** Says what a comparison has found. */
export function tellDifferences(tell: Tell, projection: string, tables: readonly TableDifferences[]): void {
  for (const found of tables) {
    const name = `${projection}: ${found.table}`;
    if (found.notCompared !== undefined) tell(`${name} is not compared: ${found.notCompared}`);
    else if (!isDifferent(found)) tell(`${name} is the same as live, ${count(found.liveRows)} rows`);
    else {
      const { missing, extra, different, liveRows, builtRows } = found;
      tell(
        `${name} differs: live has ${count(liveRows)} rows, built are ${count(builtRows)}; ${count(missing)} are live only, ${count(extra)} built only, ${count(different)} hold something else`,
      );
      for (const { kind, key, columns } of found.samples)
        tell(`  ${says[kind]} ${JSON.stringify(key)}${columns.length > 0 ? `: ${columns.join(', ')}` : ''}`);
    }
  }
}

const says = { missing: 'live only', extra: 'built only', different: 'different' } as const;
