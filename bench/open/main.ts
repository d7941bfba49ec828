// What does it cost to keep many directories open at once, record by record another one? See ../README.md.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { auditOutput, FolderOutput, faultsOf, isExact } from '../../testing/ledger/index.ts';
import { useBroker } from '../broker.ts';
import type { Measurement } from '../drain/meter.ts';
import { runSluiceHours } from '../drain/programs.ts';
import { median, pinHarness, placement } from '../machine.ts';
import { printTable } from '../table.ts';
import { ensureTopic, ledgerOf, type Workload } from '../topic.ts';

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    directories: { type: 'string', default: '10,100,1000' },
    size: { type: 'string', default: '100' },
    records: { type: 'string', default: '6000000' },
    partitions: { type: 'string', default: '8' },
    interval: { type: 'string', default: '10s' },
    files: { type: 'string', default: 'close' },
    runs: { type: 'string', default: '3' },
    out: { type: 'string', default: tmpdir() },
  },
});

type Files = 'close' | 'stayOpen';

/** What is measured, in turns. */
interface Case {
  workload: Workload;
  files: Files;
}

interface Run extends Measurement {
  fileBytes: number[];
}

const WORDS = { close: 'end', stayOpen: 'stay open' };
const runs = Number(options.runs);
const workloads = options.directories.split(',').map((directories) => ({
  records: Number(options.records),
  valueBytes: Number(options.size),
  partitions: Number(options.partitions),
  codec: 'none' as const,
  hours: Number(directories),
}));

const pinning = pinHarness();
const { brokers, how, stop } = await useBroker(options.brokers);
const out = mkdtempSync(join(options.out, 'sluice-open-'));
try {
  console.log(`${how}; ${placement(pinning)}; Node ${process.version}`);
  const cases = workloads.flatMap((workload) =>
    options.files.split(',').map((files) => ({ workload, files: files as Files })),
  );
  const measured = new Map<Case, Run[]>(cases.map((each) => [each, []]));
  for (const workload of workloads) await ensureTopic(brokers, workload, console.log);
  // Turn about, so that a slow minute of the machine does not fall on one number of directories.
  for (let run = 0; run < runs; run++) for (const [each, all] of measured) all.push(await measure(each));

  console.log(
    `\n${options.records} records of ${options.size} B, each in another directory than the one before; a checkpoint every ${options.interval}; ` +
      `medians of ${runs}, every output exact\n`,
  );
  printTable(
    [
      'directories',
      'at a checkpoint files',
      'CPU-s per M rec',
      'min..max',
      'wall s',
      'RSS MiB',
      'checkpoints',
      'files',
      'median file KiB',
    ],
    [...measured].map(([each, all]) => row(each, all)),
  );
} finally {
  rmSync(out, { recursive: true, force: true });
  await stop();
}

async function measure({ workload, files }: Case): Promise<Run> {
  const folder = join(out, 'run');
  mkdirSync(folder);
  try {
    const measured = await runSluiceHours({ brokers, workload, folder, pinning }, options.interval, files);
    const output = new FolderOutput(folder);
    const ledger = ledgerOf(workload);
    const verdict = await auditOutput({ root: output, ledger, recordsMin: workload.records });
    if (!isExact(verdict)) throw new Error(`${workload.hours} directories: ${JSON.stringify(faultsOf(verdict))}`);
    const fileBytes = (await output.look()).map(({ bytes }) => bytes);
    console.log(
      `  ${workload.hours} directories, ${WORDS[files]}: ${measured.cpuS.toFixed(2)} CPU-s, ${measured.wallS.toFixed(2)} s`,
    );
    return { ...measured, fileBytes };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function row({ workload: { hours, records }, files }: Case, all: readonly Run[]): string[] {
  const costs = all.map(({ cpuS }) => (cpuS / records) * 1e6);
  return [
    String(hours),
    WORDS[files],
    median(costs).toFixed(3),
    `${Math.min(...costs).toFixed(3)}..${Math.max(...costs).toFixed(3)}`,
    median(all.map(({ wallS }) => wallS)).toFixed(2),
    Math.max(...all.map(({ rssPeakMiB }) => rssPeakMiB)).toFixed(0),
    median(all.map(({ checkpoints = 0 }) => checkpoints)).toFixed(0),
    median(all.map(({ fileBytes }) => fileBytes.length)).toFixed(0),
    median(all.map(({ fileBytes }) => median(fileBytes) / 1024)).toFixed(1),
  ];
}
