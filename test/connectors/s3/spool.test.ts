import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { connector, s3 } from '../../../connectors/s3/index.ts';
import { nodeSpoolDisk } from '../../../connectors/s3/node-spool-disk.ts';
import { PartMemory } from '../../../connectors/s3/part-memory.ts';
import { Retrier } from '../../../connectors/s3/retry.ts';
import { S3Sink } from '../../../connectors/s3/sink.ts';
import { Spool, type SpoolDisk } from '../../../connectors/s3/spool.ts';
import { Uploads } from '../../../connectors/s3/upload.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { SinkRun } from '../../../testing/conformance/sink-run.ts';
import type { S3Exchange } from '../../../testing/s3/handler.ts';
import { MemorySpoolDisk, type SpoolCall } from '../../../testing/s3/memory-spool-disk.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { apiOn, BUCKET, newModel, settingsOf, tailsOn, visibleIn } from './support/scene.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const context = { env: systemEnv(), signal: new AbortController().signal };

interface SceneOptions {
  budgetBytes: number;
  partBytes: number;
  disk?: SpoolDisk;
  exchange?: S3Exchange;
}

/** Files that are written at a time, and what they cost. */
function sceneOf({ budgetBytes, partBytes, disk, exchange }: SceneOptions) {
  const env = new VirtualEnv();
  const model = newModel();
  const controller = new AbortController();
  const reservation = {
    bytes: 0,
    peakBytes: 0,
    resize(bytes: number) {
      this.bytes = bytes;
      this.peakBytes = Math.max(this.peakBytes, bytes);
    },
    release() {},
  };
  const api = apiOn(model, exchange === undefined ? {} : { exchange });
  const retrier = new Retrier(env.env);
  const uploads = new Uploads({
    ...{ bucket: BUCKET, root: 'raw/', attributes: {}, partBytes, env: env.env, signal: controller.signal },
    ...{ api, retrier, tails: tailsOn({ api, retrier, signal: controller.signal }) },
    memory: new PartMemory({ budgetBytes, reservation }),
    spool: disk === undefined ? undefined : new Spool({ directory: '/spool', disk, ids: env.env.ids }),
  });
  const shortages: number[] = [];
  uploads.onShortage((bytes) => shortages.push(bytes));
  const open = (directory: string) => uploads.open({ directory, name: 'file', covers: () => ({ 't/0': [0, 1] }) });
  /** The bytes of each part of each key; the model has parts in the order in which they came. */
  const staged = () =>
    new Map(
      model.uploads(BUCKET).map(({ key, parts }) => {
        const inOrder = [...parts].sort(([number], [other]) => number - other);
        return [key, inOrder.map(([, { body }]) => body)];
      }),
    );
  return { env, controller, reservation, shortages, open, staged };
}

/** Bytes that say where they belong. */
function contentOf(directory: number, from: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) buffer[at] = (directory * 31 + from + at + ((from + at) >> 8) * 7) & 0x7f;
  return buffer;
}

interface Append {
  directory: number;
  bytes: number;
}

/** All appends, each directory's in order and all directories at a time; then all files are closed at once, as at a cut. */
async function writeAll({ open }: ReturnType<typeof sceneOf>, appends: readonly Append[]): Promise<void> {
  const chains = new Map<number, Promise<number>>();
  const files = new Map<number, Awaited<ReturnType<typeof open>>>();
  for (const { directory } of appends) if (!files.has(directory)) files.set(directory, await open(String(directory)));
  for (const { directory, bytes } of appends) {
    const before = chains.get(directory) ?? Promise.resolve(0);
    chains.set(
      directory,
      before.then(async (from) => {
        await files.get(directory)?.append([contentOf(directory, from, bytes)]);
        return from + bytes;
      }),
    );
  }
  await Promise.all(chains.values());
  await Promise.all([...files.values()].map((file) => file.close()));
}

/** Digests, since what assert says of bytes that differ takes minutes and gigabytes. */
function digests(staged: Map<string, readonly Buffer[]>): Map<string, readonly string[]> {
  const digest = (part: Buffer) => `${part.length} bytes, ${hash('sha256', part)}`;
  return new Map([...staged].sort().map(([key, parts]) => [key, parts.map(digest)]));
}

const appends = fc.array(
  fc.record({
    directory: fc.nat({ max: 11 }),
    bytes: fc.oneof(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 150 * KiB })),
  }),
  { minLength: 1, maxLength: 120 },
);

test('whatever is written in whatever order, parts are the same with a spool, and memory stays within its limit', async () => {
  const partBytes = 300 * KiB;
  const budgetBytes = 1.25 * MiB;
  let parked = 0;
  await fc.assert(
    fc.asyncProperty(appends, fc.array(fc.nat({ max: 5 }), { minLength: 1 }), async (written, delays) => {
      let calls = 0;
      const wait = async () => {
        for (let turn = delays[calls++ % delays.length] as number; turn > 0; turn--) await Promise.resolve();
      };
      const disk = new MemorySpoolDisk();
      disk.before = wait;
      const exchange: S3Exchange = async (_label, effect) => {
        await wait();
        return effect();
      };
      const plain = sceneOf({ partBytes, budgetBytes: 1024 * MiB });
      const spooled = sceneOf({ partBytes, budgetBytes, disk, exchange });

      await plain.env.run(writeAll(plain, written));
      await spooled.env.run(writeAll(spooled, written));

      assert.deepEqual(digests(spooled.staged()), digests(plain.staged()));
      assert.deepEqual(spooled.shortages, [], 'nothing is closed early');
      assert.ok(spooled.reservation.peakBytes <= budgetBytes * 0.75, `${spooled.reservation.peakBytes}`);
      assert.equal(spooled.reservation.bytes, 0);
      assert.equal(disk.openFiles, 0);
      parked += disk.calls.create;
    }),
    { numRuns: 60 },
  );
  assert.ok(parked > 0, 'memory was short in some runs');
});

test('a cut with many parked parts reads back as many as fit, and the next files are written meanwhile', async () => {
  const disk = new MemorySpoolDisk();
  const scene = sceneOf({ partBytes: 5 * MiB, budgetBytes: 32 * MiB, disk });
  const content = contentOf(0, 0, 4 * MiB);
  const files = await Promise.all(Array.from({ length: 30 }, (_, index) => scene.open(`old-${index}`)));
  for (let from = 0; from < content.length; from += 512 * KiB)
    for (const file of files) await file.append([content.subarray(from, from + 512 * KiB)]);
  assert.ok(disk.openFiles >= 26, `${disk.openFiles} parts are on disk`);

  const next = await scene.open('next');
  const closed = files.map((file) => file.close());
  await next.append([content]);
  await scene.env.run(Promise.all([...closed, next.close()]));

  assert.ok(scene.reservation.peakBytes <= 24 * MiB, `${scene.reservation.peakBytes}`);
  const parts = [...scene.staged().values()];
  assert.equal(parts.length, 31);
  for (const [first, ...others] of parts) {
    assert.ok(first?.equals(content));
    assert.equal(others.length, 0);
  }
  assert.equal(disk.openFiles, 0);
});

/** Two files of which at least the first is parked. */
async function parkedScene(fail: (call: SpoolCall) => Promise<void> | void, exchange?: S3Exchange) {
  const disk = new MemorySpoolDisk();
  disk.before = fail;
  const scene = sceneOf({
    ...{ partBytes: 512 * KiB, budgetBytes: 768 * KiB, disk },
    ...(exchange === undefined ? {} : { exchange }),
  });
  const files = [await scene.open('a'), await scene.open('b')];
  const stage = async () => {
    for (const file of files) await file.append([contentOf(0, 0, 300 * KiB)]);
    for (const file of files) await file.close();
  };
  const dispose = async () => {
    for (const file of files) await file[Symbol.asyncDispose]();
  };
  return { ...scene, disk, files, stage, dispose };
}

const refusing = (call: SpoolCall, code: string) => (asked: SpoolCall) => {
  if (asked === call) throw Object.assign(new Error(`${code}: refused`), { code });
};

for (const { call, errno, code, help } of [
  { call: 'write', errno: 'ENOSPC', code: 'S3_SPOOL_FULL', help: /Free space .* Nothing is lost/ },
  { call: 'write', errno: 'EIO', code: 'S3_SPOOL_FAILED', help: /Look after the device/ },
  { call: 'read', errno: 'EIO', code: 'S3_SPOOL_FAILED', help: /Look after the device/ },
  { call: 'create', errno: 'EMFILE', code: 'S3_SPOOL_FAILED', help: /the limits of this process/ },
  { call: 'create', errno: 'ENOENT', code: 'S3_SPOOL_FAILED', help: /Nothing is lost/ },
] as const) {
  test(`${errno} of the spool when asked to ${call} fails the file, says what to do, and nothing is held afterwards`, async () => {
    const scene = await parkedScene(refusing(call, errno));

    await assert.rejects(scene.env.run(scene.stage()), {
      kind: 'unavailable',
      code,
      message: new RegExp(`sink\\.spool: .*/spool/sluice-[0-9a-f]{32}.*${errno}`),
      help,
    });
    await scene.dispose();

    assert.equal(scene.reservation.bytes, 0);
    assert.equal(scene.disk.openFiles, 0);
  });
}

test('a file that is given up while it is parked leaves nothing open and holds nothing', async () => {
  const scene = await parkedScene(() => {});
  for (const file of scene.files) await file.append([contentOf(0, 0, 300 * KiB)]);
  assert.ok(scene.disk.openFiles > 0);

  await scene.dispose();

  assert.equal(scene.reservation.bytes, 0);
  assert.equal(scene.disk.openFiles, 0);
});

test('the end of the incarnation ends files that wait for memory to come back to', async () => {
  const never = new Promise<never>(() => {});
  const scene = await parkedScene(
    () => {},
    () => never,
  );
  for (const file of scene.files) await file.append([contentOf(0, 0, 300 * KiB)]);
  const closed = Promise.allSettled(scene.files.map((file) => file.close()));
  await scene.env.settle();

  scene.controller.abort(new Error('over'));

  assert.deepEqual(
    (await closed).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  await scene.dispose();
  assert.equal(scene.reservation.bytes, 0);
  assert.equal(scene.disk.openFiles, 0);
});

/** 4 MiB for each of twelve topics, in turns: more than half of the budget of 64 MiB that the run has. */
async function filesOfTwelveTopics(t: TestContext, disk?: SpoolDisk) {
  const model = newModel();
  const spool = disk === undefined ? undefined : { directory: '/spool', disk };
  const sink = new S3Sink({ settings: settingsOf({ partBytes: '5MiB' }), api: apiOn(model), missingMs: 0, spool });
  const run = await SinkRun.start(sink);
  t.after(() => run[Symbol.asyncDispose]());
  for (let turn = 0; turn < 8; turn++) {
    for (let topic = 0; topic < 12; topic++) {
      const values = Array.from({ length: 8 }, (_, index) => `${turn}-${index}-${'x'.repeat(64 * KiB)}`);
      await run.write({ split: `t${topic}/0`, offset: turn * 8, values });
    }
  }
  const handles = await run.cut();
  await run.commit(handles);
  const lines = new Map<string, string[]>();
  for (const [key, found] of visibleIn(model)) {
    const directory = key.split('/').at(-2) as string;
    lines.set(directory, [...(lines.get(directory) ?? []), ...found].sort());
  }
  return { files: handles.length, lines };
}

test('files are closed early when memory is short; with a spool each directory has one, and the same lines', async (t) => {
  const early = await filesOfTwelveTopics(t);
  const spooled = await filesOfTwelveTopics(t, new MemorySpoolDisk());

  assert.ok(early.files > 12, `${early.files} files`);
  assert.equal(spooled.files, 12);
  assert.deepEqual(spooled.lines, early.lines);
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-spool-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const spoolIn = (directory: string) => ({ settings: settingsOf(), spool: { directory, disk: nodeSpoolDisk } });

test('on a real disk a parked part has no name, and reads back as it was written', async (t) => {
  const directory = folder(t);
  await new Spool({ directory, disk: nodeSpoolDisk, ids: context.env.ids }).check();
  const file = await nodeSpoolDisk.createNameless(join(directory, 'part'));
  t.after(() => file.close());

  await file.write(Buffer.from('world'), 6);
  await file.write(Buffer.from('hello '), 0);

  assert.deepEqual(readdirSync(directory), []);
  const into = Buffer.alloc(20);
  assert.equal(await file.read(into, 0), 11);
  assert.equal(into.toString('utf8', 0, 11), 'hello world');
  assert.equal(await file.read(into, 11), 0);
});

test('looking makes the directory of the spool, and leaves nothing in it', async (t) => {
  const directory = join(folder(t), 'made', 'when', 'needed');

  await new S3Sink({ api: apiOn(newModel()), ...spoolIn(directory) }).check(context);

  assert.deepEqual(readdirSync(directory), []);
});

test('a spool that cannot be a directory is found before anything is asked of the store', async (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  const model = newModel();

  for (const directory of [file, join(file, 'below')])
    await assert.rejects(new S3Sink({ api: apiOn(model), ...spoolIn(directory) }).check(context), {
      kind: 'config',
      code: 'S3_SPOOL_UNUSABLE',
      message: new RegExp(`sink\\.spool: .*${directory}`),
      help: /may write to/,
    });

  assert.equal(model.requestCounts.size, 0);
});

test('a spool that may not be written to is for the user to mend', async () => {
  const disk = new MemorySpoolDisk();
  disk.before = refusing('create', 'EACCES');
  const spool = new Spool({ directory: '/spool', disk, ids: context.env.ids });

  await assert.rejects(spool.check(), { kind: 'config', code: 'S3_SPOOL_UNUSABLE', message: /make a file in \/spool/ });
});

test('a relative path starts at the pipeline file, in code at the working directory', async (t) => {
  const baseDir = folder(t);
  const options = { bucket: BUCKET, endpoint: 'http://127.0.0.1:9', region: 'us-east-1' };
  const settings = settingsOf({ ...options, spool: './parked' });
  // Nobody answers at that address, which is found after the spool was looked at.
  const aborted = { env: context.env, signal: AbortSignal.abort() };

  await assert.rejects(async () => await connector.sink?.create(settings, { baseDir }).check(aborted));
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(baseDir);
  await assert.rejects(s3({ ...options, spool: 'here' }).check(aborted));

  assert.ok(existsSync(join(baseDir, 'parked')));
  assert.ok(existsSync(join(baseDir, 'here')));
});

test('a path must say something', () => {
  assert.throws(() => settingsOf({ spool: '' }));
});
