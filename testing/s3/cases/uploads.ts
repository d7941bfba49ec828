import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import {
  BIG,
  complete,
  create,
  keysOf,
  type PartRef,
  part,
  partsOf,
  refused,
  type S3Case,
  type S3Lab,
  staged,
  textOf,
  uploadsOf,
  WRONG_ETAG,
} from './lab.ts';

const small = (text: string) => Buffer.from(text);

/** Sending parts, listing them, and what has to be so for them to become an object. */
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
