import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CompressedFiles } from '../../../../connectors/filesink/compression/compressed-files.ts';
import { type Compressor, nodeCompressor } from '../../../../connectors/filesink/compression/compressor.ts';
import {
  type ActiveCompression,
  COMPRESSION_EXTENSIONS,
} from '../../../../connectors/filesink/compression/settings.ts';
import { syncCompressor } from '../../../../testing/sync-compressor.ts';
import { duckDb } from '../../../testing/duckdb.ts';
import { temporaryDirectory } from '../../../testing/temporary-directory.ts';
import { KeptFiles } from './files.ts';

const KiB = 1024;
const LINES = 20_000;
const lines = Array.from({ length: LINES }, (_, n) =>
  JSON.stringify({ n, text: `line ${n * 7919}`, even: n % 2 === 0 }),
);
const input = Buffer.from(`${lines.join('\n')}\n`);

const compressions: ActiveCompression[] = [
  { type: 'gzip', level: 1 },
  { type: 'gzip', level: 9 },
  { type: 'zstd', level: 3 },
  { type: 'zstd', level: 22 },
];

/** Other programs that read a compressed file from standard input and check it to its end. */
const programs: Record<ActiveCompression['type'], readonly (readonly [name: string, ...args: string[]])[]> = {
  gzip: [
    ['gzip', '-dc'],
    ['zcat'],
    ['python3', '-c', 'import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.stdin.buffer).read())'],
  ],
  zstd: [['zstd', '-dc'], ['zstdcat']],
};

/** The whole of `input` as one file of many members or frames, cut where lines are not. */
async function fileOf(compressor: Compressor, { chunkBytes = 64 * KiB, pieceBytes = 10_000 } = {}): Promise<Buffer> {
  const inner = new KeptFiles();
  const files = new CompressedFiles({ files: inner, compressor, chunkBytes });
  await using part = await files.open({ directory: 'd', name: 'n', covers: () => ({}) });
  for (let at = 0; at < input.length; at += pieceBytes) await part.append([input.subarray(at, at + pieceBytes)]);
  await part.close();
  const appended = inner.parts[0]?.appended ?? [];
  assert.equal(appended.length, Math.ceil(input.length / chunkBytes));
  return Buffer.concat(appended);
}

function isThere(t: TestContext, name: string): boolean {
  if (spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined) return true;
  t.diagnostic(`not read by ${name}: it is not installed`);
  return false;
}

for (const compression of compressions) {
  const { type, level } = compression;

  test(`other programs read ${type} of level ${level}`, async (t) => {
    const bytes = await fileOf(nodeCompressor(compression));

    for (const [name, ...args] of programs[type]) {
      if (!isThere(t, name)) continue;
      const read = execFileSync(name, args, { input: bytes, maxBuffer: 2 * input.length });
      assert.ok(read.equals(input), `${name} ${args.join(' ')}: ${read.length} of ${input.length} bytes`);
      if (name === type) execFileSync(name, ['-tq'], { input: bytes });
    }
  });

  test(`DuckDB reads ${type} of level ${level}`, async (t) => {
    const path = join(await temporaryDirectory(t), `lines.ndjson.${COMPRESSION_EXTENSIONS[type]}`);
    writeFileSync(path, await fileOf(nodeCompressor(compression)));
    const query = await duckDb(t);

    const columns = "columns = {n: 'INTEGER', text: 'VARCHAR', even: 'BOOLEAN'}, format = 'newline_delimited'";
    const rows = await query(`select n, text, even from read_json('${path}', ${columns})`);

    assert.deepEqual(
      rows.map(({ n, text, even }) => JSON.stringify({ n, text, even })),
      lines,
    );
  });

  test(`${type} of level ${level} comes out the same on threads and within the call`, async () => {
    const onThreads = await fileOf(nodeCompressor(compression), { pieceBytes: 777 });
    const within = await fileOf(syncCompressor(compression));

    assert.ok(onThreads.equals(within));
  });
}

test('what does not compress comes back whole, in little more room', async (t) => {
  const noise = Buffer.from(
    Uint32Array.from({ length: 100 * KiB }, (_, at) => Math.imul(at ^ (at >>> 7), 2654435761)).buffer,
  );
  for (const type of ['gzip', 'zstd'] as const) {
    const made = await nodeCompressor({ type, level: 1 }).compress(noise);
    assert.ok(made.length < noise.length * 1.001 + 64, `${type}: ${made.length}`);
    if (!isThere(t, type)) continue;
    assert.ok(execFileSync(type, ['-dc'], { input: made, maxBuffer: 2 * noise.length }).equals(noise));
  }
});
