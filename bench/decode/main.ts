// What does it cost to make JSON of the values of a topic as they are read? See ../README.md.
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { median, pinHarness, pinned, placement } from '../machine.ts';
import { printTable } from '../table.ts';
import { FORMATS, type Format, type Measured, measure } from './measure.ts';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '3000000' },
    runs: { type: 'string', default: '5' },
    /** In a process of its own: only this, printed as JSON. */
    measure: { type: 'string' },
  },
});

if (options.measure === undefined) compare(Number(options.runs));
else console.log(JSON.stringify(await measure(options.measure as Format, Number(options.records))));

function compare(runs: number): void {
  const pinning = pinHarness();
  console.log(`${placement(pinning)}; Node ${process.version}`);
  console.log(`${options.records} records of six fields, packed to lines, medians of ${runs}\n`);
  const measured = new Map(FORMATS.map((format) => [format, [] as Measured[]]));
  for (let run = 0; run < runs; run++) {
    // Formats take turns, so that a slow minute of the machine falls on all of them.
    for (const format of FORMATS) {
      const command = [process.execPath, import.meta.filename, '--measure', format, '--records', options.records];
      const [file = '', ...args] = pinned(pinning, command);
      measured.get(format)?.push(JSON.parse(execFileSync(file, args, { encoding: 'utf8' })) as Measured);
    }
  }
  printTable(
    ['value', 'ns CPU/record', 'bytes in', 'bytes out', 'RSS MiB'],
    [...measured].map(([format, all]) => [
      format,
      median(all.map(({ cpuNs }) => cpuNs)).toFixed(0),
      median(all.map(({ bytesIn }) => bytesIn)).toFixed(0),
      median(all.map(({ bytesOut }) => bytesOut)).toFixed(0),
      Math.max(...all.map(({ rssMiB }) => rssMiB)).toFixed(0),
    ]),
  );
}
