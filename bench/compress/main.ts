// What does compressing files cost beyond the calls of zlib? See ../README.md.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { CompressedFiles } from '../../connectors/filesink/compression/compressed-files.ts';
import { type Compressor, nodeCompressor } from '../../connectors/filesink/compression/compressor.ts';
import { type ActiveCompression, compressionSettings } from '../../connectors/filesink/compression/settings.ts';
import type { PartFiles } from '../../connectors/filesink/part-files.ts';
import { median } from '../machine.ts';
import { printTable } from '../table.ts';

const { values: options } = parseArgs({
  options: {
    mib: { type: 'string', default: '64' },
    runs: { type: 'string', default: '7' },
    parts: { type: 'string', default: '1,16' },
    compressions: { type: 'string', default: 'gzip,zstd' },
  },
});

const MIB = 1024 * 1024;
const CHUNK_BYTES = MIB;
/** As many calls at a time as the sinks make. */
const CALLS_MAX = 3;
/** What the writer of the sinks appends at most at a time. */
const APPEND_BYTES = MIB;

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

type Program = (
  compressor: Compressor,
  parts: readonly Buffer[],
  out: (part: number, bytes: Buffer) => void,
) => Promise<void>;

const programs: Record<'sluice' | 'zlib', Program> = {
  async sluice(compressor, parts, out) {
    const files = new CompressedFiles({ files: filesInto(out), compressor, compressionsMax: CALLS_MAX });
    const fill = async (bytes: Buffer, index: number) => {
      await using part = await files.open({ directory: '', name: String(index), covers: () => ({}) });
      for (let at = 0; at < bytes.length; at += APPEND_BYTES)
        await part.append([bytes.subarray(at, at + APPEND_BYTES)]);
      await part.close();
    };
    await Promise.all(parts.map(fill));
  },
  /** The limit: the same calls, as many at a time, on memory that need not be given back. */
  async zlib(compressor, parts, out) {
    const chunks = parts.flatMap((bytes, part) =>
      Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, n) => ({
        part,
        bytes: bytes.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
      })),
    );
    const made: Buffer[] = [];
    const next = chunks.entries();
    const work = async () => {
      for (const [index, { bytes }] of next) made[index] = await compressor.compress(bytes);
    };
    await Promise.all(Array.from({ length: CALLS_MAX }, work));
    for (const [index, { part }] of chunks.entries()) out(part, made[index] as Buffer);
  },
};

const [mib, runs] = [Number(options.mib), Number(options.runs)];
const lines = linesOf(mib * MIB);
console.log(`${mib} MiB of JSON lines, ${CALLS_MAX} calls at a time, medians of ${runs}; Node ${process.version}\n`);
const rows: string[][] = [];
for (const type of options.compressions.split(',')) {
  const compression = compressionSettings.compression.parse(type);
  if (compression.type === 'none') throw new Error('none compresses nothing');
  for (const parts of options.parts.split(',').map(Number)) rows.push(await compare(compression, parts));
}
printTable(['compression', 'files', 'MB/s', 'zlib MB/s', 'ratio', 'MB/CPU-s', 'zlib MB/CPU-s', 'ratio', 'size'], rows);

async function compare(compression: ActiveCompression, count: number): Promise<string[]> {
  const bytesEach = Math.ceil(lines.length / count / CHUNK_BYTES) * CHUNK_BYTES;
  const parts = Array.from({ length: count }, (_, n) => lines.subarray(n * bytesEach, (n + 1) * bytesEach));
  const given = parts.filter(({ length }) => length > 0);
  const compressor = nodeCompressor(compression);
  const size = await audited(compression, given);
  const costs: Record<keyof typeof programs, Cost[]> = { sluice: [], zlib: [] };
  for (let run = 0; run < runs; run++) {
    // In turns, so that a slow minute of the machine does not fall on one of them.
    const order = run % 2 === 0 ? (['sluice', 'zlib'] as const) : (['zlib', 'sluice'] as const);
    for (const name of order) costs[name].push(await costOf(() => programs[name](compressor, given, () => {})));
  }
  const columns = (['wallMs', 'cpuMs'] as const).flatMap((key) => {
    const [ours, limit] = [costs.sluice, costs.zlib].map((of) => of.map((cost) => cost[key])) as [number[], number[]];
    // Of neighbours in time: the machine is the same for both.
    const ratio = median(ours.map((ms, run) => (limit[run] as number) / ms));
    return [...[ours, limit].map((of) => (lines.length / 1e3 / median(of)).toFixed(1)), ratio.toFixed(2)];
  });
  return [
    `${compression.type} ${compression.level}`,
    String(given.length),
    ...columns,
    (size / lines.length).toFixed(3),
  ];
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
  const [cpu, atMs] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - atMs, cpuMs: (user + system) / 1000 };
}

/** Both programs make the same files, which hold what was given. Also lets the compiler see them once. */
async function audited({ type, level }: ActiveCompression, parts: readonly Buffer[]): Promise<number> {
  let size = 0;
  const hashes = new Set<string>();
  for (const program of Object.values(programs)) {
    const made: Buffer[][] = parts.map(() => []);
    await program(nodeCompressor({ type, level }), parts, (part, bytes) => made[part]?.push(bytes));
    const whole = made.map((pieces) => Buffer.concat(pieces));
    for (const [part, bytes] of whole.entries()) {
      const read = type === 'gzip' ? gunzipSync(bytes) : zstdDecompressSync(bytes);
      assert.ok(read.equals(parts[part] as Buffer), 'a file holds what it was given');
    }
    size = whole.reduce((sum, { length }) => sum + length, 0);
    hashes.add(createHash('sha256').update(Buffer.concat(whole)).digest('hex'));
  }
  assert.equal(hashes.size, 1, 'the same bytes');
  return size;
}

function filesInto(out: (part: number, bytes: Buffer) => void): PartFiles<undefined> {
  return {
    open: async ({ name }) => ({
      append: async (chunks) => {
        for (const chunk of chunks) out(Number(name), chunk);
      },
      close: async () => undefined,
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

/** Lines that compress about as events do, the same in every run. */
function linesOf(bytes: number): Buffer {
  const lines = Buffer.alloc(bytes, '\n');
  for (let n = 0, at = 0, state = 1; at < bytes; n++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const event = { n, user: `user-${state % 100_003}`, atMs: 1_700_000_000_000 + n * 13, path: `/a/b/${n % 977}` };
    at += lines.write(`${JSON.stringify({ ...event, token: state.toString(36) })}\n`, at);
  }
  return lines;
}
