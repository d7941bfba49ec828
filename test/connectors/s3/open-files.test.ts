import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPartName, parsePartName } from '../../../connectors/filesink/part-name.ts';
import type { S3Handle } from '../../../connectors/s3/handle.ts';
import { s3Handles } from '../../../connectors/s3/handle.ts';
import { type OpenUpload, type OpenUploadState, openUploadStates } from '../../../connectors/s3/open-upload.ts';
import { uploadsOf } from '../../../connectors/s3/orphans.ts';
import { Retrier } from '../../../connectors/s3/retry.ts';
import { sweepTails } from '../../../connectors/s3/tail-sweep.ts';
import { PIECE_BYTES_MAX, piecesToKeep, type TailPiece } from '../../../connectors/s3/tails.ts';
import type { Named, PendingHandle } from '../../../core/contract/sink.ts';
import { SluiceError } from '../../../core/errors.ts';
import { OWNER } from './support/committing.ts';
import { OpenFiles, PART_BYTES } from './support/open-files.ts';
import { BUCKET } from './support/scene.ts';

/** As slots keep it. */
const throughSlot = (place: OpenUpload): OpenUpload => {
  const { version, encode, decode } = openUploadStates;
  const value = encode({ place, covers: { 't/0': [0, 1] }, records: 1 });
  return decode(version, JSON.parse(JSON.stringify(value))).place;
};

/** What the object holds that a later incarnation makes of an open file. */
async function finished(
  bench: OpenFiles,
  epoch: number,
  open: OpenUpload,
  { beforeCommit = async () => {} }: { beforeCommit?: () => Promise<void> } = {},
): Promise<Buffer> {
  const { finisher, api } = bench.incarnation(epoch);
  const ended = await bench.env.run(finisher.finish(throughSlot(open)));
  assert.equal(ended.kind, 'staged', JSON.stringify(ended));
  const { payload, bytes } = ended as Extract<typeof ended, { kind: 'staged' }>;
  assert.equal(bytes, open.bytes);
  assert.equal(payload.bytes, open.bytes);
  const handle = s3Handles.decode(s3Handles.version, JSON.parse(JSON.stringify(s3Handles.encode(payload))));
  await beforeCommit();
  await bench.env.run(api.completeUpload(handle, handle.parts));
  const { key } = handle;
  return bench.model.objects(BUCKET, key).map(([, { body }]) => body)[0] as Buffer;
}

test('an open file without a full part is finished as an upload of the later incarnation', async () => {
  const bench = new OpenFiles();
  const file = await bench.incarnation(3).open();
  await bench.env.run(file.append([Buffer.from('a\nb\n')]));
  const open = (await bench.env.run(file.persist?.() as Promise<OpenUpload>)) as OpenUpload;

  assert.deepEqual(bench.model.uploads(BUCKET), []);
  assert.equal(String(await finished(bench, 7, open)), 'a\nb\n');
  const [[key = ''] = []] = bench.model.objects(BUCKET, 'raw/t/');
  assert.equal(parsePartName(key.slice('raw/t/'.length))?.epoch, 7);
});

test('whoever began an open file and goes on adds nothing to what another one makes of it', async () => {
  const bench = new OpenFiles();
  const file = await bench.incarnation(3).open();
  const first = randomBytes(2.5 * PART_BYTES);
  await bench.env.run(file.append([first]));
  const open = (await bench.env.run(file.persist?.() as Promise<OpenUpload>)) as OpenUpload;
  const goOn = async () => {
    await bench.env.run(file.append([randomBytes(2 * PART_BYTES)]));
    await bench.env.run(file.close());
  };

  assert.equal(open.parts.length, 2);
  const object = await finished(bench, 999 + 4, open, { beforeCommit: goOn });
  assert.ok(object.equals(first));
});

test('every state of an open file is all that was given until then, in memory or on disk', async () => {
  const steps = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 900 }), persists: fc.boolean() }), {
    minLength: 1,
    maxLength: 60,
  });
  const property = fc.asyncProperty(steps, fc.constantFrom(undefined, 400), async (all, budgetBytes) => {
    const bench = new OpenFiles();
    const { open } = bench.incarnation(3, budgetBytes === undefined ? {} : { budgetBytes });
    const [file, other] = [await open(), await open()];
    const given: Buffer[] = [];
    const states: { open: OpenUpload; content: Buffer }[] = [];
    for (const { bytes, persists } of all) {
      const chunk = randomBytes(bytes);
      given.push(chunk);
      await bench.env.run(file.append([chunk]));
      // Takes memory from the first, which then goes to disk.
      await bench.env.run(other.append([chunk]));
      if (!persists) continue;
      const state = (await bench.env.run(file.persist?.() as Promise<OpenUpload>)) as OpenUpload;
      assert.ok(state.tail.length <= 17, `${state.tail.length} pieces`);
      states.push({ open: state, content: Buffer.concat(given) });
    }
    // The last one only, as an upload is completed once.
    const last = states.at(-1);
    if (last !== undefined) assert.ok((await finished(bench, 8, last.open)).equals(last.content));
    for (const one of [file, other]) await bench.env.run(one[Symbol.asyncDispose]() as Promise<void>);
  });
  await fc.assert(property, { numRuns: 60 });
});

test('what an open file needs and is not there any more is a loss that says so', async () => {
  const stateOf = async (bench: OpenFiles, parts = 1.5) => {
    const file = await bench.incarnation(3).open();
    await bench.env.run(file.append([randomBytes(parts * PART_BYTES)]));
    return (await bench.env.run(file.persist?.() as Promise<OpenUpload>)) as OpenUpload;
  };
  const finish = (bench: OpenFiles, open: OpenUpload) => bench.env.run(bench.incarnation(8).finisher.finish(open));

  const tailGone = new OpenFiles();
  const open = await stateOf(tailGone);
  tailGone.model.bucket(BUCKET).delete(tailGone.tailKeys()[0] as string);
  const lost = await finish(tailGone, open);
  assert.ok(
    lost.kind === 'lost' && /_tails.*is gone/.test(lost.why) && lost.place.includes(open.key),
    JSON.stringify(lost),
  );

  // With a tail to send, and with nothing to send.
  for (const parts of [1.5, 2]) {
    const expired = new OpenFiles();
    const state = await stateOf(expired, parts);
    const { api } = expired.incarnation(4);
    await expired.env.run(api.abortUpload({ bucket: BUCKET, key: state.key, uploadId: state.upload?.uploadId ?? '' }));
    const ended = await finish(expired, state);
    assert.ok(ended.kind === 'lost' && /lifecycle rule/.test(ended.why), JSON.stringify(ended));
  }
});

test('tails that are asked for in one turn or while one is on its way go together', async () => {
  const bench = new OpenFiles();
  let isAnswered = Promise.resolve();
  const { tails } = bench.incarnation(3, {
    exchange: async (_label, effect) => {
      await isAnswered;
      return effect();
    },
  });
  const put = (text: string) => tails.put(text.length, async (into) => void into.write(text));

  const pieces = await bench.env.run(Promise.all([put('ab'), put('cde'), put('f')]));

  const [[key, { body } = { body: Buffer.alloc(0) }] = ['']] = bench.model.objects(BUCKET, 'raw/_sluice/_tails/');
  assert.equal(String(body), 'abcdef');
  assert.deepEqual(pieces, [
    { key, from: 0, bytes: 2 },
    { key, from: 2, bytes: 3 },
    { key, from: 5, bytes: 1 },
  ]);
  const gate = Promise.withResolvers<void>();
  isAnswered = gate.promise;
  const alone = put('g');
  await bench.env.settle();
  const meanwhile = [put('h')];
  await bench.env.settle();
  meanwhile.push(put('i'));
  gate.resolve();
  const [first, ...others] = await bench.env.run(Promise.all([alone, ...meanwhile]));
  assert.notEqual(others[0]?.key, first?.key);
  assert.equal(others[1]?.key, others[0]?.key);
});

test('pieces of a tail stay few, and a byte is written a few times, however many checkpoints a part takes', () => {
  const property = fc.property(
    fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 400 }),
    (added) => {
      let tail: TailPiece[] = [];
      let [total, written] = [0, 0];
      for (const [counter, bytes] of added.entries()) {
        const { kept, keptBytes } = piecesToKeep(tail, bytes);
        total += bytes;
        written += total - keptBytes;
        tail = [...kept, { key: String(counter), from: 0, bytes: total - keptBytes }];
        assert.equal(
          tail.reduce((sum, piece) => sum + piece.bytes, 0),
          total,
        );
        assert.ok(
          tail.every(
            (piece, i) => i === 0 || piece.bytes * 2 <= (tail[i - 1] as TailPiece).bytes || total > PIECE_BYTES_MAX,
          ),
        );
      }
      const rounds = Math.log2(total) + 2;
      assert.ok(tail.length <= rounds + total / (PIECE_BYTES_MAX / 2), `${tail.length} pieces of ${total} bytes`);
      assert.ok(written <= 2 * rounds * total, `${written} bytes written for ${total}`);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test('a tail that cannot be stored fails those that wait for it and nobody else', async () => {
  const bench = new OpenFiles();
  const { tails } = bench.incarnation(3);
  const failure = new SluiceError('unavailable', 'GONE', { message: 'the part was given up' });
  const bad = tails.put(1, async () => {
    throw failure;
  });
  const rejected = assert.rejects(bad, failure);
  await bench.env.run(rejected);

  assert.equal((await bench.env.run(tails.put(1, async (into) => void into.write('x')))).bytes, 1);
});

test('a tail whose answer was lost is there; one of the same name that somebody else wrote is refused', async () => {
  const bench = new OpenFiles();
  let puts = 0;
  const { tails } = bench.incarnation(3, {
    exchange: async (label, effect) => {
      const answer = await effect();
      if (label.startsWith('s3.PutObject') && ++puts === 1) throw new Error('the connection broke');
      return answer;
    },
  });
  const piece = await bench.env.run(tails.put(2, async (into) => void into.write('ab')));
  assert.equal(puts, 2);
  assert.deepEqual(bench.tailKeys(), [piece.key]);

  const copy = bench.incarnation(3).tails;
  const taken = assert.rejects(
    copy.put(1, async (into) => void into.write('z')),
    { code: 'S3_TAIL_NAME_TAKEN' },
  );
  await bench.env.run(taken);
});

const tailKey = (epoch: number, counter: number, owner = OWNER) =>
  `raw/_sluice/_tails/${formatPartName({ ...owner, epoch, counter, extension: 'tail' })}`;

const stateWith = (facts: Partial<OpenUpload>): OpenUploadState => ({
  place: { bucket: BUCKET, key: 'raw/t/a', token: 'x', upload: undefined, parts: [], tail: [], bytes: 1, ...facts },
  covers: { 't/0': [0, 1] },
  records: 1,
});

test('a sweep deletes the tails that no checkpoint names, but for those on their way into the next one', async () => {
  const bench = new OpenFiles();
  const { api } = bench.incarnation(5);
  const foreign = { ...OWNER, shard: 1 };
  const keys = [tailKey(4, 1), tailKey(4, 2), tailKey(5, 0), tailKey(5, 1), tailKey(5, 2), tailKey(6, 0)];
  for (const key of [...keys, tailKey(4, 1, foreign), 'raw/_sluice/_tails/notes.txt'])
    await bench.env.run(api.putIfAbsent({ bucket: BUCKET, key }, Buffer.from('x')));
  const tail = [tailKey(4, 2), tailKey(5, 1)].map((key) => ({ key, from: 0, bytes: 1 }));
  const sweep = (open: OpenUploadState[], settledBelow: number) =>
    bench.env.run(
      sweepTails(
        { bucket: BUCKET, root: 'raw/', api, retrier: new Retrier(bench.env.env), settledBelow },
        { ...OWNER, epochBelow: 5 },
        { handles: [], open },
        bench.controller.signal,
      ),
    );

  await sweep([stateWith({ tail })], 2);
  const left = [tailKey(4, 2), tailKey(5, 1), tailKey(5, 2), tailKey(6, 0), tailKey(4, 1, foreign)];
  assert.deepEqual(bench.tailKeys().toSorted(), [...left, 'raw/_sluice/_tails/notes.txt'].toSorted());

  // Before the second cut all that this incarnation has may be on its way.
  await sweep([], 0);
  assert.deepEqual(
    bench.tailKeys().toSorted(),
    [...left.filter((key) => key !== tailKey(4, 2)), 'raw/_sluice/_tails/notes.txt'].toSorted(),
  );
});

test('uploads of open files are no orphans', () => {
  const handle = { payload: { uploadId: 'staged' } } as PendingHandle<S3Handle>;
  const upload = { uploadId: 'open', begunAtMs: 1 };
  const named: Named<S3Handle, OpenUploadState> = {
    handles: [handle],
    open: [stateWith({ upload }), stateWith({ upload: undefined })],
  };

  assert.deepEqual(uploadsOf(named), new Set(['open', 'staged']));
});

test('handles and states are what they were when written, and handles of the version before are read', () => {
  const part = { etag: '"a"', bytes: 5, crc32: 'AAAA' };
  const handle = { bucket: 'b', key: 'k', uploadId: 'u', token: 't', bytes: 9, begunAtMs: 3, parts: [part] };
  const withTail = { ...handle, parts: [part, { number: 9_005, etag: '"b"', bytes: 4 }] };

  assert.deepEqual(s3Handles.decode(1, handle), handle);
  assert.deepEqual(s3Handles.decode(2, JSON.parse(JSON.stringify(s3Handles.encode(withTail)))), withTail);
  assert.throws(() => s3Handles.decode(1, withTail), 'version 1 has no numbers');
  assert.throws(() => s3Handles.decode(3, handle), { code: 'S3_HANDLE_VERSION' });

  const upload = { uploadId: 'u', begunAtMs: 3 };
  const tail = [{ key: 'k', from: 4, bytes: 2 }];
  const state = stateWith({ upload, parts: [part], tail, bytes: 7 });
  const { version, encode, decode } = openUploadStates;
  assert.deepEqual(decode(version, JSON.parse(JSON.stringify(encode(state)))), state);
  assert.throws(() => decode(version + 1, encode(state)), { code: 'OPEN_PART_VERSION' });
});
