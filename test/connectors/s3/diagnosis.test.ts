import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../core/contract/diagnosis.ts';
import type { Action } from '../../../testing/s3/access.ts';
import { refusal } from '../../../testing/s3/errors.ts';
import type { S3Model } from '../../../testing/s3/model.ts';
import { VirtualEnv } from '../../core/support/virtual-env.ts';
import { BUCKET, newModel, type SinkInput, sinkOn, storeOn } from './support/scene.ts';

type ModelOptions = NonNullable<Parameters<typeof newModel>[0]>;

/** A sink and a store on one model, whose clock is so much ahead. */
class Surgery {
  readonly env = new VirtualEnv();
  readonly model: S3Model;

  constructor({ aheadMs = 0, ...options }: ModelOptions & { aheadMs?: number } = {}) {
    this.model = newModel({ nowMs: () => this.env.env.clock.nowMs() + aheadMs, ...options });
  }

  sink(input: SinkInput = {}): Promise<Finding[]> {
    return this.#all(sinkOn(this.model, input).diagnose(this.#context()));
  }

  store(): Promise<Finding[]> {
    return this.#all(storeOn(this.model).diagnose(this.#context()));
  }

  #context() {
    const { signal } = new AbortController();
    return { env: this.env.env, signal, pipeline: 'clicks', checkpointIntervalMs: 10_000 };
  }

  async #all(findings: AsyncIterable<Finding>): Promise<Finding[]> {
    // Not at the beginning of time, where every average of two times is the same.
    await this.env.advance(1_000_000_000_000);
    const all = async () => {
      const found: Finding[] = [];
      for await (const finding of findings) found.push(finding);
      return found;
    };
    return await this.env.run(all());
  }
}

const bad = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'good' && level !== 'note');
const notes = (findings: readonly Finding[]) =>
  findings.filter(({ level }) => level === 'note').map(({ what }) => what);
const told = (findings: readonly Finding[], pattern: RegExp) => findings.filter(({ what }) => pattern.test(what));

async function put(model: S3Model, key: string): Promise<void> {
  await storeOn(model, { prefix: '' }).createIfAbsent(key, Buffer.from('x'));
}

test('on a bucket where all is well nothing is wrong, and nothing is left behind', async () => {
  const surgery = new Surgery();
  surgery.model.bucket(BUCKET).lifecycle = [{ id: 'tidy', prefix: '', abortAfterDays: 14 }];
  await put(surgery.model, 'raw/a');

  const [sink, store] = [await surgery.sink(), await surgery.store()];

  assert.deepEqual([...bad(sink), ...bad(store)], []);
  assert.deepEqual(
    told(sink, /^allowed/).map(({ what }) => what),
    [
      'allowed: s3:ListBucket, s3:PutObject, s3:ListMultipartUploadParts, s3:ListBucketMultipartUploads, ' +
        's3:AbortMultipartUpload, s3:GetObject',
    ],
  );
  assert.deepEqual(
    told(store, /^allowed/).map(({ what }) => what),
    ['allowed: s3:ListBucket, s3:PutObject, s3:GetObject, s3:DeleteObject'],
  );
  assert.deepEqual(surgery.model.uploads(BUCKET), []);
  assert.deepEqual(
    surgery.model.objects(BUCKET).map(([key]) => key),
    ['raw/a'],
  );
});

test('every permission that the sink misses is named, with the resource, and all at once', async () => {
  const expected: [Action, Finding['level'], RegExp][] = [
    ['s3:ListBucket', 'problem', /^s3:ListBucket denied on arn:aws:s3:::lake: /],
    ['s3:PutObject', 'problem', /^s3:PutObject denied on arn:aws:s3:::lake\/raw\/\*: /],
    ['s3:GetObject', 'problem', /^s3:GetObject denied on arn:aws:s3:::lake\/raw\/\*: /],
    ['s3:AbortMultipartUpload', 'warning', /^s3:AbortMultipartUpload denied on arn:aws:s3:::lake\/raw\/\*: /],
    ['s3:ListBucketMultipartUploads', 'warning', /^s3:ListBucketMultipartUploads denied on arn:aws:s3:::lake: /],
    ['s3:ListMultipartUploadParts', 'warning', /^s3:ListMultipartUploadParts denied on arn:aws:s3:::lake\/raw\/\*: /],
  ];
  for (const [action, level, what] of expected) {
    const surgery = new Surgery();
    await put(surgery.model, 'raw/a');
    surgery.model.denied.add(action);

    const findings = bad(await surgery.sink());

    assert.equal(findings.length, 1, `${action}: ${JSON.stringify(findings)}`);
    assert.equal(findings[0]?.level, level, action);
    assert.match(String(findings[0]?.what), what);
    assert.match(String(findings[0]?.help), new RegExp(`^Allow ${action} on arn:aws:s3:::lake`));
  }
  const surgery = new Surgery();
  await put(surgery.model, 'raw/a');
  for (const [action] of expected) if (action !== 's3:ListBucket') surgery.model.denied.add(action);
  assert.equal(bad(await surgery.sink()).length, expected.length - 1);
});

test('what tags and an acl need besides is named apart from the right to write', async () => {
  const surgery = new Surgery();
  surgery.model.denied.add('s3:PutObjectTagging');

  const findings = bad(await surgery.sink({ tags: { team: 'data' } }));

  assert.deepEqual(
    findings.map(({ level, what }) => [level, what.split(':').slice(0, 2).join(':')]),
    [['problem', 's3:PutObjectTagging denied on arn']],
  );
  assert.deepEqual(surgery.model.uploads(BUCKET), []);
  assert.deepEqual(bad(await surgery.sink()), [], 'a sink without tags needs none');
  surgery.model.denied.clear();
  const [allowed] = told(await surgery.sink({ tags: { team: 'data' } }), /^allowed/);
  assert.match(String(allowed?.what), /s3:PutObject, s3:PutObjectTagging/);
  assert.deepEqual(surgery.model.uploads(BUCKET), []);
});

test('every permission that the store misses is named, and no probe is left unless it may not delete', async () => {
  for (const action of ['s3:ListBucket', 's3:PutObject', 's3:GetObject', 's3:DeleteObject'] as const) {
    const surgery = new Surgery();
    surgery.model.denied.add(action);

    const findings = bad(await surgery.store());

    assert.deepEqual(
      findings.map(({ level, what }) => [level, what.split(' ')[0]]),
      [['problem', action]],
    );
    assert.equal(surgery.model.objects(BUCKET).length, action === 's3:DeleteObject' ? 1 : 0);
  }
});

test('the right to read cannot be tried before there is an object, and that is said', async () => {
  const surgery = new Surgery();
  surgery.model.denied.add('s3:GetObject');

  const findings = await surgery.sink();

  assert.deepEqual(bad(findings), []);
  assert.ok(notes(findings).some((what) => what.startsWith('s3:GetObject was not tried')));
});

test('a bucket that is not there is what the diagnosis ends with', async () => {
  const surgery = new Surgery();
  surgery.model.deleteBucket(BUCKET);

  await assert.rejects(surgery.sink(), { code: 'S3_NO_SUCH_BUCKET', kind: 'config' });
  await assert.rejects(surgery.store(), { code: 'S3_NO_SUCH_BUCKET' });
});

test('the upload that was begun is aborted also when something fails in between', async () => {
  const surgery = new Surgery({
    intervene: (_, operation) => (operation === 'UploadPart' ? refusal('InternalError') : undefined),
  });

  await assert.rejects(surgery.sink(), { code: 'S3_UNAVAILABLE' });

  assert.deepEqual(surgery.model.uploads(BUCKET), []);
});

test('a clock that is off is seen by sink and store, before a request is refused for it', async () => {
  for (const [aheadMs, level] of [
    [30_000, undefined],
    [-300_000, 'warning'],
    [780_000, 'problem'],
  ] as const) {
    const surgery = new Surgery({ aheadMs });
    for (const findings of [await surgery.sink(), await surgery.store()])
      assert.deepEqual(
        bad(findings).map((finding) => finding.level),
        level === undefined ? [] : [level],
      );
    const [clock] = told(await surgery.store(), /clock/);
    assert.match(String(clock?.what), aheadMs > 60_000 ? /behind/ : aheadMs < 0 ? /ahead/ : /agree/);
  }
});

test('rules of the bucket are read as it tells them: prefixes, tags, what is disabled', async () => {
  const surgery = new Surgery();
  const { model } = surgery;
  model.bucket(BUCKET).lifecycle = [
    { id: 'uploads', prefix: 'raw/', abortAfterDays: 2 },
    { id: 'tagged', prefix: '_sluice/', tag: 'old', expireAfterDays: 1 },
    { id: 'off', prefix: '', isDisabled: true, expireAfterDays: 1 },
    { id: 'frozen', prefix: '_sluice/', moveTo: { storageClass: 'GLACIER', afterDays: 30 } },
    { id: 'gone', prefix: '', expireAfterDays: 365 },
  ];

  const about = (findings: readonly Finding[]) =>
    bad(findings).map(({ what }) => what.split(' ').slice(0, 3).join(' '));
  assert.deepEqual(about(await surgery.sink()), ['rule uploads aborts']);
  assert.deepEqual(about(await surgery.store()), ['rule frozen moves', 'rule gone deletes']);
});

test('a bucket without rules is told as such', async () => {
  const surgery = new Surgery();

  assert.ok(notes(await surgery.sink()).some((what) => what.startsWith('no lifecycle rule aborts incomplete uploads')));
  assert.equal(told(await surgery.store(), /^no lifecycle rule touches checkpoints$/).length, 1);
});

test('what may not be looked at is a note, and no fault', async () => {
  const surgery = new Surgery();
  await put(surgery.model, 'raw/a');
  surgery.model.denied.add('s3:GetLifecycleConfiguration').add('s3:GetBucketVersioning');

  const [sink, store] = [await surgery.sink(), await surgery.store()];

  assert.deepEqual([...bad(sink), ...bad(store)], []);
  assert.ok(notes(sink).some((what) => /^the lifecycle rules of bucket lake cannot be read/.test(what)));
  assert.ok(notes(store).some((what) => /^the versioning of bucket lake cannot be read/.test(what)));
});

test('a bucket that keeps versions is a note of the store', async () => {
  const surgery = new Surgery();
  surgery.model.bucket(BUCKET).versioning = 'Enabled';

  const [note] = (await surgery.store()).filter(({ what }) => what.includes('keeps versions'));

  assert.equal(note?.level, 'note');
  assert.match(String(note?.help), /NoncurrentVersionExpiration/);
});

test('a store that does not list uploads by prefix is a warning with the rule to set', async () => {
  const surgery = new Surgery({ behaviour: { uploadsListedFor: 'exactKey' } });

  const [finding] = bad(await surgery.sink());

  assert.equal(finding?.level, 'warning');
  assert.match(String(finding?.help), /AbortIncompleteMultipartUpload/);
  assert.deepEqual(surgery.model.uploads(BUCKET), []);
});

test('the price of a day is told for the interval of this pipeline', async () => {
  const [finding] = told(await new Surgery().sink(), /price/);

  assert.deepEqual(finding?.table?.rows[1], [1, '10 s', '69,120', '0.31']);
});
