import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingText, summaryText } from '../../cli/doctor.ts';
import { examine } from '../../cli/doctor-parts.ts';
import type { PipelineFileOptions } from '../../core/config/parse.ts';
import type { Finding } from '../../core/contract/diagnosis.ts';
import type { Sink } from '../../core/contract/sink.ts';
import type { Source } from '../../core/contract/source.ts';
import type { Store } from '../../core/contract/store.ts';
import { SluiceError } from '../../core/errors.ts';
import { systemEnv } from '../../core/runtime/system-env.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { S3Model } from '../../testing/s3/model.ts';
import { serveS3 } from '../../testing/s3/server.ts';
import { folderWith, sluice } from './sluice.ts';

const FILE = `name: made
source: { type: datagen, count: 100, partitions: 2 }
sink: { type: file, path: ./out }
`;

/** Nobody listens there. */
const AWAY = `name: made
source: { type: datagen, count: 100, partitions: 2 }
sink:
  type: s3
  bucket: lake
  prefix: raw
  endpoint: "http://127.0.0.1:9"
  credentials: { accessKeyId: test, secretAccessKey: "\${env:SLUICE_TEST_SECRET}" }
checkpoints: { store: { type: file, path: ./state } }
`;

// In pieces.

const signal = new AbortController().signal;
const source = {
  type: 'made',
  open: async () => ({
    discover: async () => ({ clusterId: null, splits: [{ id: 't/0', group: 't', index: 0, identity: null }] }),
    [Symbol.asyncDispose]: async () => {},
  }),
} as unknown as Source;
const sink = { type: 'made', identity: 'made:out', check: async () => {}, open: () => {} } as unknown as Sink;

async function levelsOf(parts: { source?: Source; sink?: Sink; store?: Store }): Promise<Finding['level'][][]> {
  const { store = new MemoryStore(), ...rest } = parts;
  const options = { name: 'p', source, sink, checkpoints: { store }, ...rest } as unknown as PipelineFileOptions;
  const levels: Finding['level'][][] = [];
  for (const { findings } of examine(options, systemEnv(), signal)) {
    const ofPart: Finding['level'][] = [];
    for await (const { level } of findings) ofPart.push(level);
    levels.push(ofPart);
  }
  return levels;
}

const refused = new SluiceError('config', 'REFUSED', { message: 'no' });

test('parts that know nothing of themselves are opened, checked and put to the proof', async () => {
  assert.deepEqual(await levelsOf({}), [['good'], ['good'], ['good']]);
});

test('what a part throws is its problem, and the others are looked at all the same', async () => {
  const refusing = { ...source, open: () => Promise.reject(refused) } as unknown as Source;
  const unusable = { ...sink, check: () => Promise.reject(refused) } as unknown as Sink;

  assert.deepEqual(await levelsOf({ source: refusing }), [['problem'], ['good'], ['good']]);
  assert.deepEqual(await levelsOf({ sink: unusable }), [['good'], ['problem'], ['good']]);
});

test('a store that lies is a problem', async () => {
  const honest = new MemoryStore();
  const lying: Store = {
    identity: 'lying',
    createIfAbsent: async (key, bytes) => {
      await honest.createIfAbsent(key, bytes);
      return 'created';
    },
    get: (key) => honest.get(key),
    list: (prefix, startAfter) => honest.list(prefix, startAfter),
    delete: (key) => honest.delete(key),
  };

  assert.deepEqual(await levelsOf({ store: lying }), [['good'], ['good'], ['problem']]);
});

test('a store that has found a problem by itself is not put to the proof too', async () => {
  const asked: string[] = [];
  const store = Object.assign(new MemoryStore(), {
    createIfAbsent: async (key: string) => {
      asked.push(key);
      return 'created' as const;
    },
    diagnose: async function* (): AsyncGenerator<Finding> {
      yield { level: 'problem', what: 'it is read-only' };
    },
  });

  assert.deepEqual(await levelsOf({ store }), [['good'], ['good'], ['problem']]);
  assert.deepEqual(asked, []);
});

test('a mistake of our own is no finding', async () => {
  const broken = { ...sink, check: () => Promise.reject(new TypeError('x is undefined')) } as unknown as Sink;

  await assert.rejects(levelsOf({ sink: broken }), TypeError);
});

test('a finding is a mark and a line; what to do and a table stand below it', () => {
  assert.equal(findingText({ level: 'good', what: 'bucket lake answers' }), '  ok       bucket lake answers');
  assert.equal(
    findingText({
      ...{ level: 'warning', what: 'disk is nearly full', help: 'Free space.\nOr move.' },
      table: { head: ['n', 'usd'], rows: [[1, '0.10']] },
    }),
    `  warning  disk is nearly full
           Free space.
           Or move.
           n   usd
           1  0.10`,
  );
});

test('the last line counts what is not good', () => {
  assert.equal(summaryText({ good: 5, note: 0, warning: 0, problem: 0 }), 'all is well');
  assert.equal(summaryText({ good: 5, note: 2, warning: 1, problem: 1 }), '1 problem, 1 warning, 2 notes');
});

// As a program.

test('a healthy pipeline is told part by part, with exit 0, and no file or checkpoint is made', async (t) => {
  const folder = folderWith(t, { 'p.yaml': FILE });

  const { code, stdout, stderr } = await sluice(t, '/', ['doctor', join(folder, 'p.yaml')]).ended;

  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^source {2}datagen\n {2}ok {7}answers: 2 partitions of 1 topic\n\nsink {2}file:/);
  assert.match(stdout, /\n {2}ok {7}writable, staging and files on one device\n/);
  assert.match(stdout, /\ncheckpoints {2}file:.*_sluice\n/);
  assert.match(stdout, /\n {2}ok {7}of 8 creates of one key at once one wins/);
  assert.deepEqual(readdirSync(join(folder, 'out')), ['_sluice']);
  assert.ok(!existsSync(join(folder, 'out/_sluice/made/layout-000001.json')));
  assert.deepEqual(readdirSync(join(folder, 'out/_sluice/made')), []);
});

test('a problem exits 2, says what to do, and hides secrets; the process ends by itself', async (t) => {
  const folder = folderWith(t, { 'p.yaml': AWAY });
  const startedMs = performance.now();

  const { code, stdout } = await sluice(t, folder, ['doctor', 'p.yaml'], { SLUICE_TEST_SECRET: 'hunter2' }).ended;

  assert.equal(code, 2, stdout);
  assert.match(
    stdout,
    /\n {2}problem {2}could not list s3:lake\/raw\/: .*\n {11}Nothing answers there: check endpoint/,
  );
  assert.match(stdout, /\ncheckpoints {2}file:.*\n(?: {2}ok .*\n)+\n1 problem\n$/);
  assert.doesNotMatch(stdout, /hunter2/);
  assert.ok(performance.now() - startedMs < 15_000);
});

test('a directory that may not be written to is a problem of the sink and of the checkpoints in it', {
  skip: process.getuid?.() === 0 ? 'root may write everywhere' : false,
}, async (t) => {
  const folder = folderWith(t, { 'p.yaml': FILE });
  chmodSync(folder, 0o555);
  t.after(() => chmodSync(folder, 0o755));

  const { code, stdout } = await sluice(t, folder, ['doctor', 'p.yaml']).ended;

  assert.equal(code, 2);
  assert.match(stdout, /problem {2}sink\.path: could not write into .*permission denied \(EACCES\)/);
});

test('a store that ignores conditional writes is found out, with the permissions it grants', async (t) => {
  const server = await serveS3({
    model: new S3Model({ buckets: ['lake'], behaviour: { ignoresConditions: true }, nowMs: Date.now }),
  });
  t.after(() => server.close());
  const text = AWAY.replace('http://127.0.0.1:9', server.endpoint).replace(/checkpoints:.*\n/, '');
  const folder = folderWith(t, { 'p.yaml': text });

  const { code, stdout } = await sluice(t, folder, ['doctor', 'p.yaml'], { SLUICE_TEST_SECRET: 'hunter2' }).ended;

  assert.equal(code, 2);
  assert.match(stdout, /\ncheckpoints {2}s3:lake\/raw\/_sluice\n {2}ok .*\n/);
  assert.match(
    stdout,
    /problem {2}the checkpoint store s3:lake\/raw\/_sluice cannot keep exactly-once: \d of 8 concurrent/,
  );
  assert.match(stdout, /\n1 problem, \d notes\n$/);
});

test('a file that is wrong is refused as elsewhere', async (t) => {
  const folder = folderWith(t, { 'p.yaml': FILE.replace('datagen', 'datagne') });

  const { code, stdout, stderr } = await sluice(t, folder, ['doctor', 'p.yaml']).ended;

  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  assert.match(stderr, /\[CONFIG_INVALID\]/);
});
