// What does it cost to turn JSON records into a format's files, beside what its library needs alone? See ../README.md.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, pinHarness, pinned, placement } from '../machine.ts';
import { printTable } from '../table.ts';
import type { Measured } from './measured.ts';

const { values: options } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    runs: { type: 'string', default: '5' },
    compression: { type: 'string', default: 'zstd,snappy,none' },
  },
});

/** Each is compared with the first of its format. */
const FORMATS = { parquet: ['parquet-library', 'parquet'] };

const runs = Number(options.runs);
const pinning = pinHarness();
console.log(`${placement(pinning)}; Node ${process.version}`);
for (const [format, programs] of Object.entries(FORMATS)) {
  for (const compression of options.compression.split(',')) {
    console.log(
      `\n${format}, ${compression}: ${options.records} records of JSON with six fields, medians of ${runs}\n`,
    );
    compare(programs, compression);
  }
}

function compare(programs: readonly string[], compression: string): void {
  const measured = new Map(programs.map((program) => [program, [] as Measured[]]));
  for (let run = 0; run < runs; run++) {
    // Programs take turns, so that a slow minute of the machine falls on all of them.
    for (const program of programs) measured.get(program)?.push(measure(program, compression));
  }
  const base = measured.get(programs[0] ?? '') ?? [];
  printTable(
    ['program', 'MB of JSON/CPU-s', 'CPU-s', `x ${programs[0]}`, 'output MB', 'RSS MiB'],
    [...measured].map(([program, all]) => [
      program,
      median(all.map(({ inputBytes, cpuMs }) => inputBytes / 1e3 / cpuMs)).toFixed(1),
      median(all.map(({ cpuMs }) => cpuMs / 1e3)).toFixed(2),
      median(all.map(({ cpuMs }, run) => (base[run]?.cpuMs ?? Number.NaN) / cpuMs)).toFixed(2),
      median(all.map(({ outputBytes }) => outputBytes / 1e6)).toFixed(1),
      Math.max(...all.map(({ rssMiB }) => rssMiB)).toFixed(0),
    ]),
  );
}

function measure(program: string, compression: string): Measured {
  const command = [process.execPath, join(import.meta.dirname, 'program.ts'), program, options.records, compression];
  const [file = '', ...args] = pinned(pinning, command);
  return JSON.parse(execFileSync(file, args, { encoding: 'utf8' })) as Measured;
}
