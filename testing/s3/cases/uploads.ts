import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import {
  BIG,
  complete,
  create,
  keysOf,
  type PartRef,
  part,
  put,
  refused,
  type S3Case,
  type S3Lab,
  textOf,
} from './lab.ts';

const WRONG_ETAG = '"deadbeefdeadbeefdeadbeefdeadbeef"';
const small = (text: string) => Buffer.from(text);

const abort = ({ client, bucket }: S3Lab, key: string, UploadId: string) =>
  client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId }));

const partsOf = ({ client, bucket }: S3Lab, key: string, UploadId: string, more = {}) =>
  client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId, ...more }));

async function uploadsOf(
  lab: S3Lab,
  query: Omit<ListMultipartUploadsCommandInput, 'Bucket'> = {},
): Promise<string[][]> {
  const pages: string[][] = [];
  let from: Partial<ListMultipartUploadsCommandInput> | undefined = {};
  while (from !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await lab.client.send(
      new ListMultipartUploadsCommand({ Bucket: lab.bucket, ...query, ...from }),
    );
    pages.push((page.Uploads ?? []).map(({ Key, UploadId }) => `${Key} ${UploadId}`));
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
  return pages;
}

/** An upload of one part, ready to be completed. */
async function staged(lab: S3Lab, key: string, text: string): Promise<{ id: string; parts: PartRef[] }> {
  const id = await create(lab, key);
  return { id, parts: [await part(lab, key, id, 1, small(text))] };
}

export const uploadCases: readonly S3Case[] = [
  {
    name: 'parts become one object, with what the upload was created with, when the upload is completed and not before',
    async run(lab) {
      const id = await create(lab, 'k', { ContentType: 'application/x-ndjson', Metadata: { 'sluice-token': 'a1' } });
      const bodies = [Buffer.alloc(BIG, 'a'), small('end')];
      const parts = [
        await part(lab, 'k', id, 1, bodies[0] as Buffer),
        await part(lab, 'k', id, 2, bodies[1] as Buffer),
      ];
      await refused(textOf(lab, 'k'), 404, 'NoSuchKey');
      assert.deepEqual(await keysOf(lab), []);

      const { ETag } = await complete(lab, 'k', id, parts);

      const sums = bodies.map((body) => createHash('md5').update(body).digest());
      assert.equal(ETag, `"${createHash('md5').update(Buffer.concat(sums)).digest('hex')}-2"`);
      const seen = await lab.client.send(new HeadObjectCommand({ Bucket: lab.bucket, Key: 'k' }));
      assert.equal(seen.ContentLength, BIG + 3);
      assert.equal(seen.ContentType, 'application/x-ndjson');
      assert.deepEqual(seen.Metadata, { 'sluice-token': 'a1' });
      assert.equal(seen.ETag, ETag);
      assert.deepEqual(await keysOf(lab), ['k']);
      assert.deepEqual((await uploadsOf(lab, { Prefix: 'k' })).flat(), []);
    },
  },
  {
    name: 'a part sent again under its number replaces the one before',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'first');
      const second = await part(lab, 'k', id, 1, small('second'));

      await refused(complete(lab, 'k', id, parts), 400, 'InvalidPart');
      await complete(lab, 'k', id, [second]);

      assert.equal(await textOf(lab, 'k'), 'second');
    },
  },
  {
    name: 'part numbers may have gaps, up to 10,000, and need not be sent in order',
    async run(lab) {
      const id = await create(lab, 'k');
      const last = await part(lab, 'k', id, 10_000, small('end'));
      const first = await part(lab, 'k', id, 7, Buffer.alloc(BIG, 'a'));

      await complete(lab, 'k', id, [first, last]);

      const { ContentLength } = await lab.client.send(new HeadObjectCommand({ Bucket: lab.bucket, Key: 'k' }));
      assert.equal(ContentLength, BIG + 3);
    },
  },
  {
    name: 'part numbers below 1 and above 10,000 are refused',
    async run(lab) {
      const id = await create(lab, 'k');

      await refused(part(lab, 'k', id, 0, small('x')), 400, 'InvalidArgument');
      await refused(part(lab, 'k', id, 10_001, small('x')), 400, 'InvalidArgument');
    },
  },
  {
    name: 'parts that nobody lists do not become part of the object',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'kept');
      await part(lab, 'k', id, 2, small('left out'));

      await complete(lab, 'k', id, parts);

      assert.equal(await textOf(lab, 'k'), 'kept');
    },
  },
  {
    name: 'a part below 5 MiB that is not the last is refused, and the upload lives on',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'small');
      const second = await part(lab, 'k', id, 2, small('last'));

      await refused(complete(lab, 'k', id, [...parts, second]), 400, 'EntityTooSmall');
      await complete(lab, 'k', id, [second]);
    },
  },
  {
    name: 'parts out of order are refused',
    async run(lab) {
      const id = await create(lab, 'k');
      const first = await part(lab, 'k', id, 1, Buffer.alloc(BIG, 'a'));
      const second = await part(lab, 'k', id, 2, Buffer.alloc(BIG, 'b'));

      await refused(complete(lab, 'k', id, [second, first]), 400, 'InvalidPartOrder');
    },
  },
  {
    name: 'parts that do not exist, or have another ETag, are refused, and the upload lives on',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'x');

      await refused(complete(lab, 'k', id, [{ PartNumber: 1, ETag: WRONG_ETAG }]), 400, 'InvalidPart');
      await refused(complete(lab, 'k', id, [{ PartNumber: 2, ETag: parts[0]?.ETag }]), 400, 'InvalidPart');
      await complete(lab, 'k', id, parts);
    },
  },
  {
    name: 'an upload is not completed without parts',
    async run(lab) {
      const { id } = await staged(lab, 'k', 'x');

      await refused(complete(lab, 'k', id, []), 400, 'MalformedXML');
    },
  },
  {
    name: 'a Complete that is sent again is refused, and the object stays as it is',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'first');
      await complete(lab, 'k', id, parts);

      await refused(complete(lab, 'k', id, parts), 404, 'NoSuchUpload');

      assert.equal(await textOf(lab, 'k'), 'first');
    },
  },
  {
    name: 'a Complete that is sent again does not bring back what was overwritten',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'first');
      await complete(lab, 'k', id, parts);
      await put(lab, 'k', 'second');

      await complete(lab, 'k', id, parts).catch(() => {});

      assert.equal(await textOf(lab, 'k'), 'second');
    },
  },
  {
    name: 'a Complete that is sent again after the object was deleted is refused, and does not bring it back',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'first');
      await complete(lab, 'k', id, parts);
      await lab.client.send(new HeadObjectCommand({ Bucket: lab.bucket, Key: 'k' }));
      await removed(lab, 'k');

      await refused(complete(lab, 'k', id, parts), 404, 'NoSuchUpload');

      assert.deepEqual(await keysOf(lab), []);
    },
  },
  {
    name: 'an upload that never was cannot be completed, where there is no object',
    async run(lab) {
      const parts = [{ PartNumber: 1, ETag: WRONG_ETAG }];

      await refused(complete(lab, 'k', '00000000-0000-0000-0000-000000000000', parts), 404, 'NoSuchUpload');
    },
  },
  {
    name: 'an upload that never was cannot be completed, where there is an object',
    async run(lab) {
      await put(lab, 'k', 'x');
      const parts = [{ PartNumber: 1, ETag: WRONG_ETAG }];

      await refused(complete(lab, 'k', '00000000-0000-0000-0000-000000000000', parts), 404, 'NoSuchUpload');
    },
  },
  {
    name: 'an upload belongs to its key',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'x');

      await refused(complete(lab, 'other', id, parts), 404, 'NoSuchUpload');
      await refused(part(lab, 'other', id, 1, small('x')), 404, 'NoSuchUpload');
    },
  },
  {
    name: 'a Complete with If-None-Match: * makes only what does not exist, and the upload lives on',
    async run(lab) {
      await put(lab, 'k', 'first');
      const { id, parts } = await staged(lab, 'k', 'second');

      await refused(complete(lab, 'k', id, parts, { IfNoneMatch: '*' }), 412, 'PreconditionFailed');
      assert.equal((await partsOf(lab, 'k', id)).Parts?.length, 1);
      await removed(lab, 'k');
      await complete(lab, 'k', id, parts, { IfNoneMatch: '*' });

      assert.equal(await textOf(lab, 'k'), 'second');
    },
  },
  {
    name: 'a Complete with If-Match replaces only the named ETag',
    async run(lab) {
      const { ETag } = await put(lab, 'k', 'first');
      const { id, parts } = await staged(lab, 'k', 'second');

      await refused(complete(lab, 'k', id, parts, { IfMatch: WRONG_ETAG }), 412, 'PreconditionFailed');
      await complete(lab, 'k', id, parts, { IfMatch: ETag });
    },
  },
  {
    name: 'of two uploads of a key the one completed last is the object',
    async run(lab) {
      const a = await staged(lab, 'k', 'a');
      const b = await staged(lab, 'k', 'b');

      await complete(lab, 'k', b.id, b.parts);
      await complete(lab, 'k', a.id, a.parts);

      assert.equal(await textOf(lab, 'k'), 'a');
    },
  },
  {
    name: 'an aborted upload takes no part, lists none and cannot be completed',
    async run(lab) {
      const { id, parts } = await staged(lab, 'k', 'x');

      await abort(lab, 'k', id);

      await refused(part(lab, 'k', id, 2, small('x')), 404, 'NoSuchUpload');
      await refused(partsOf(lab, 'k', id), 404, 'NoSuchUpload');
      await refused(complete(lab, 'k', id, parts), 404, 'NoSuchUpload');
      assert.deepEqual((await uploadsOf(lab, { Prefix: 'k' })).flat(), []);
      assert.deepEqual(await keysOf(lab), []);
    },
  },
  {
    name: 'an abort of what was aborted or completed is refused, and the object stays',
    async run(lab) {
      const { id } = await staged(lab, 'a', 'x');
      await abort(lab, 'a', id);
      const done = await staged(lab, 'b', 'x');
      await complete(lab, 'b', done.id, done.parts);

      await refused(abort(lab, 'a', id), 404, 'NoSuchUpload');
      await refused(abort(lab, 'b', done.id), 404, 'NoSuchUpload');

      assert.equal(await textOf(lab, 'b'), 'x');
    },
  },
  {
    name: 'parts are listed by number, with their sizes and ETags, in pages',
    async run(lab) {
      const id = await create(lab, 'k');
      const sent: PartRef[] = [];
      for (const number of [3, 1, 2]) sent.push(await part(lab, 'k', id, number, small('x'.repeat(number))));

      const first = await partsOf(lab, 'k', id, { MaxParts: 2 });
      const second = await partsOf(lab, 'k', id, { MaxParts: 2, PartNumberMarker: first.NextPartNumberMarker });

      assert.deepEqual([first.IsTruncated, second.IsTruncated], [true, false]);
      assert.deepEqual(
        [...(first.Parts ?? []), ...(second.Parts ?? [])].map(({ PartNumber, Size, ETag }) => [PartNumber, Size, ETag]),
        [1, 2, 3].map((number) => [number, number, sent.find((ref) => ref.PartNumber === number)?.ETag]),
      );
    },
  },
  {
    name: 'uploads are listed by key, for a prefix',
    async run(lab) {
      const ids: Record<string, string> = {};
      for (const key of ['raw/b', 'raw/a', 'other/c']) ids[key] = await create(lab, key);

      assert.deepEqual((await uploadsOf(lab, { Prefix: 'raw/' })).flat(), [
        `raw/a ${ids['raw/a']}`,
        `raw/b ${ids['raw/b']}`,
      ]);
      assert.equal((await uploadsOf(lab)).flat().length, 3);
    },
  },
  {
    name: 'uploads are listed for a prefix that is a whole key',
    async run(lab) {
      const id = await create(lab, 'raw/a');
      await create(lab, 'raw/b');

      assert.deepEqual((await uploadsOf(lab, { Prefix: 'raw/a' })).flat(), [`raw/a ${id}`]);
    },
  },
  {
    name: 'uploads are listed in pages',
    run: (lab) => listedInPages(lab, ['a', 'b', 'c', 'd', 'e']),
  },
  {
    name: 'uploads are listed in pages, also several of one key',
    run: (lab) => listedInPages(lab, ['a', 'b', 'b', 'b', 'c']),
  },
  {
    name: 'a part that is not what its CRC32 says is refused',
    async run(lab) {
      const id = await create(lab, 'k');

      await refused(part(lab, 'k', id, 1, small('hello'), { ChecksumCRC32: 'AAAAAA==' }), 400, 'BadDigest');

      assert.deepEqual((await partsOf(lab, 'k', id)).Parts ?? [], []);
    },
  },
  {
    name: 'an upload created for CRC32 is completed with the CRC32 of every part, and has a checksum of them',
    async run(lab) {
      const id = await create(lab, 'k', { ChecksumAlgorithm: 'CRC32' });
      const ref = await part(lab, 'k', id, 1, small('hello'), { ChecksumCRC32: 'NhCmhg==' });

      const wrong = { ...ref, ChecksumCRC32: 'AAAAAA==' };
      await refused(complete(lab, 'k', id, [wrong]), 400, 'InvalidPart', 'BadDigest', 'InvalidRequest');
      const done = await complete(lab, 'k', id, [{ ...ref, ChecksumCRC32: 'NhCmhg==' }]);

      assert.equal(done.ChecksumCRC32, 'FKTmaw==-1');
      assert.equal(await textOf(lab, 'k'), 'hello');
    },
  },
  {
    name: 'an upload created for CRC32 is not completed without the CRC32 of a part',
    async run(lab) {
      const id = await create(lab, 'k', { ChecksumAlgorithm: 'CRC32' });
      const ref = await part(lab, 'k', id, 1, small('hello'), { ChecksumCRC32: 'NhCmhg==' });

      await refused(complete(lab, 'k', id, [ref]), 400, 'InvalidRequest');
    },
  },
  {
    name: 'an upload created for nothing takes parts with a CRC32, and is completed without',
    async run(lab) {
      const id = await create(lab, 'k');
      const ref = await part(lab, 'k', id, 1, small('hello'), { ChecksumCRC32: 'NhCmhg==' });

      await complete(lab, 'k', id, [ref]);

      assert.equal(await textOf(lab, 'k'), 'hello');
    },
  },
];

async function listedInPages(lab: S3Lab, keys: readonly string[]): Promise<void> {
  const all: string[] = [];
  for (const key of keys) all.push(`${key} ${await create(lab, key)}`);

  const pages = await uploadsOf(lab, { MaxUploads: 2 });

  assert.deepEqual(
    pages.map((page) => page.length),
    [2, 2, 1],
  );
  assert.deepEqual(pages.flat().sort(), all.sort());
}

async function removed({ client, bucket }: S3Lab, key: string): Promise<void> {
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
}
