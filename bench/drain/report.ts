import { median } from '../machine.ts';
import { printTable } from '../table.ts';
import type { Workload } from '../topic.ts';
import type { Measurement } from './meter.ts';
import type { Program } from './programs.ts';

const mid = (runs: readonly Measurement[], of: (run: Measurement) => number) => median(runs.map(of));
const millionsPerCpuS = (run: Measurement) => run.records / run.cpuS / 1e6;

function heading({ records, valueBytes, partitions, codec }: Workload): string {
  return `\n${records.toLocaleString('en-US')} records of ${valueBytes} B, ${partitions} partitions, compression ${codec}`;
}

/** Medians, one line per program; ratios are of records per CPU-second. */
export function printResults(workload: Workload, results: ReadonlyMap<Program, readonly Measurement[]>): void {
  const reference = (name: string) => {
    const runs = [...results].find(([program]) => program.name === name)?.[1];
    return runs === undefined ? undefined : mid(runs, millionsPerCpuS);
  };
  const references = ['kafkajs', 'kcat', 'bare', 'sluice', 'put']
    .map((name) => ({ name, rate: reference(name) }))
    .filter(({ rate }) => rate !== undefined);

  console.log(`${heading(workload)}; medians of ${[...results.values()][0]?.length} runs, every output exact\n`);
  printTable(
    [
      'program',
      'M rec/CPU-s',
      'min..max',
      'MB/CPU-s',
      ...references.map(({ name }) => `x ${name}`),
      'CPU-s',
      'start-up',
      'wall s',
      'RSS MiB',
      'checkpoints',
      'guarantee',
    ],
    [...results].map(([program, runs]) => {
      const rate = mid(runs, millionsPerCpuS);
      const rates = runs.map(millionsPerCpuS);
      return [
        program.name,
        rate.toFixed(2),
        `${Math.min(...rates).toFixed(2)}..${Math.max(...rates).toFixed(2)}`,
        mid(runs, (run) => run.bytes / run.cpuS / 1e6).toFixed(0),
        ...references.map((other) => (other.rate === undefined ? '' : (rate / other.rate).toFixed(2))),
        mid(runs, (run) => run.cpuS).toFixed(2),
        mid(runs, (run) => run.cpuStartUpS).toFixed(2),
        mid(runs, (run) => run.wallS).toFixed(2),
        Math.max(...runs.map((run) => run.rssPeakMiB)).toFixed(0),
        runs[0]?.checkpoints === undefined ? '' : mid(runs, (run) => run.checkpoints ?? 0).toFixed(0),
        program.guarantee,
      ];
    }),
  );
  for (const [program, runs] of results) printRequests(program, runs);
  const [every, final] = ['sluice', 'sluice-final'].map(reference);
  if (every !== undefined && final !== undefined) {
    console.log(
      `\ncheckpoints every second cost ${((final / every - 1) * 100).toFixed(1)} % against one final checkpoint`,
    );
  }
}

/** What went to the S3 server between the first batch and the end. */
function printRequests({ name }: Program, runs: readonly Measurement[]): void {
  const kinds = new Set(runs.flatMap(({ requests }) => Object.keys(requests ?? {})));
  if (kinds.size === 0) return;
  console.log(`\nrequests of ${name}, medians\n`);
  printTable(
    ['request', 'per run', 'per GB'],
    [...kinds].sort().map((kind) => {
      const perRun = mid(runs, ({ requests }) => requests?.[kind] ?? 0);
      return [kind, perRun.toFixed(0), mid(runs, (run) => ((run.requests?.[kind] ?? 0) / run.bytes) * 1e9).toFixed(0)];
    }),
  );
}

/** What each stage of the bare loop adds to the one before it. */
export function printStages(
  workload: Workload,
  stages: readonly { stage: string; runs: readonly Measurement[] }[],
): void {
  const cpuS = stages.map(({ runs }) => mid(runs, (run) => run.cpuS));
  const total = cpuS.at(-1) ?? Number.NaN;

  console.log(`${heading(workload)}; where the bare loop spends it\n`);
  printTable(
    ['stage', 'CPU-s added', 'share', 'ns/record'],
    stages.map(({ stage }, index) => {
      const added = (cpuS[index] ?? 0) - (cpuS[index - 1] ?? 0);
      return [
        stage,
        added.toFixed(3),
        `${((added / total) * 100).toFixed(0)} %`,
        ((added / workload.records) * 1e9).toFixed(0),
      ];
    }),
  );
}
