// One program of the benchmark in a process of its own: program.ts <program> <records> <compression>. Prints what it took.
import type { ParquetSettings } from '../../connectors/formats/parquet/settings.ts';
import type { Measured, Program } from './measured.ts';
import { encodeWithLibrary, encodeWithSluice } from './parquet.ts';

const PROGRAMS: Record<string, Program> = { 'parquet-library': encodeWithLibrary, parquet: encodeWithSluice };

const [name = '', records, compression] = process.argv.slice(2);
const program = PROGRAMS[name];
if (program === undefined) throw new Error(`no program ${name}; there are ${Object.keys(PROGRAMS).join(', ')}`);

const values = jsonValues(Number(records));
let outputBytes = 0;
const before = process.cpuUsage();
for (const piece of program(values, compression as ParquetSettings['compression'])) outputBytes += piece.byteLength;
const { user, system } = process.cpuUsage(before);
const measured: Measured = {
  inputBytes: values.reduce((sum, { length }) => sum + length, 0),
  outputBytes,
  cpuMs: (user + system) / 1e3,
  rssMiB: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(measured));

/** Events with a number, a name of many, one of few, a decimal, a flag and a time. The same in every run. */
function jsonValues(count: number): Buffer[] {
  const countries = ['DE', 'FR', 'GB', 'NL', 'PL', 'US'];
  let state = 1;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  return Array.from({ length: count }, (_, n) => {
    const event = {
      id: 1e9 + n,
      user: `user-${below(50_000)}`,
      country: countries[below(countries.length)],
      price: below(10_000) / 100,
      active: below(2) === 1,
      at: 1.7e12 + n * 37,
    };
    return Buffer.from(JSON.stringify(event));
  });
}
