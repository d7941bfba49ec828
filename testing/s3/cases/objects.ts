import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
} from '@aws-sdk/client-s3';
import { create, keysOf, put, refused, type S3Case, type S3Lab, textOf, WRONG_ETAG } from './lab.ts';

const head = ({ client, bucket }: S3Lab, key: string) =>
  client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));

async function range({ client, bucket }: S3Lab, Range: string): Promise<string> {
  const { Body, ContentRange, $metadata } = await client.send(
    new GetObjectCommand({ Bucket: bucket, Key: 'k', Range }),
  );
  return `${$metadata.httpStatusCode} ${ContentRange} ${await Body?.transformToString()}`;
}

export const objectCases: readonly S3Case[] = [
  {
    name: 'an object is read back with its content type, metadata and ETag',
    async run(lab) {
      const { ETag } = await put(lab, 'k', 'hello', {
        ContentType: 'application/x-ndjson',
        Metadata: { 'sluice-token': 'a1', ranges: '0:1-2' },
      });

      const seen = await head(lab, 'k');

      assert.equal(ETag, '"5d41402abc4b2a76b9719d911017c592"');
      assert.equal(seen.ETag, ETag);
      assert.equal(seen.ContentLength, 5);
      assert.equal(seen.ContentType, 'application/x-ndjson');
      assert.deepEqual(seen.Metadata, { 'sluice-token': 'a1', ranges: '0:1-2' });
      assert.equal(await textOf(lab, 'k'), 'hello');
    },
  },
  {
    name: 'an object may be empty',
    async run(lab) {
      await put(lab, 'k', '');

      assert.equal(await textOf(lab, 'k'), '');
      assert.equal((await head(lab, 'k')).ContentLength, 0);
    },
  },
  {
    name: 'an overwritten object is seen as it is now by get, head and list at once',
    async run(lab) {
      await put(lab, 'k', 'first');
      await put(lab, 'k', 'second');

      assert.equal(await textOf(lab, 'k'), 'second');
      assert.equal((await head(lab, 'k')).ContentLength, 6);
      assert.deepEqual(await keysOf(lab), ['k']);
    },
  },
  {
    name: 'If-None-Match: * writes only what does not exist',
    async run(lab) {
      await put(lab, 'k', 'first', { IfNoneMatch: '*' });

      await refused(put(lab, 'k', 'second', { IfNoneMatch: '*' }), 412, 'PreconditionFailed');

      assert.equal(await textOf(lab, 'k'), 'first');
      await lab.client.send(new DeleteObjectCommand({ Bucket: lab.bucket, Key: 'k' }));
      await put(lab, 'k', 'third', { IfNoneMatch: '*' });
    },
  },
  {
    name: 'of eight concurrent writes with If-None-Match: * one wins',
    async run(lab) {
      const writes = Array.from({ length: 8 }, (_, i) => put(lab, 'k', `writer ${i}`, { IfNoneMatch: '*' }));
      const results = await Promise.allSettled(writes);

      const winners = results.flatMap(({ status }, i) => (status === 'fulfilled' ? [`writer ${i}`] : []));
      assert.deepEqual(winners, [await textOf(lab, 'k')]);
    },
  },
  {
    name: 'If-Match writes only over the named ETag',
    async run(lab) {
      const { ETag } = await put(lab, 'k', 'first');

      await refused(put(lab, 'k', 'wrong', { IfMatch: WRONG_ETAG }), 412, 'PreconditionFailed');
      await refused(put(lab, 'missing', 'wrong', { IfMatch: WRONG_ETAG }), 404, 'NoSuchKey');
      await put(lab, 'k', 'second', { IfMatch: ETag });

      assert.equal(await textOf(lab, 'k'), 'second');
      assert.deepEqual(await keysOf(lab), ['k']);
    },
  },
  {
    name: 'If-Match deletes only the named ETag',
    async run(lab) {
      const { ETag } = await put(lab, 'k', 'first');
      const remove = (IfMatch?: string) =>
        lab.client.send(new DeleteObjectCommand({ Bucket: lab.bucket, Key: 'k', IfMatch }));

      await refused(remove(WRONG_ETAG), 412, 'PreconditionFailed');
      await remove(ETag);

      assert.deepEqual(await keysOf(lab), []);
    },
  },
  {
    name: 'a body that is not what its CRC32 says is refused',
    async run(lab) {
      await refused(put(lab, 'k', 'hello', { ChecksumCRC32: 'AAAAAA==' }), 400, 'BadDigest');

      assert.deepEqual(await keysOf(lab), []);
    },
  },
  {
    name: 'a body that is not what its Content-MD5 says is refused',
    async run(lab) {
      await refused(put(lab, 'k', 'hello', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' }), 400, 'BadDigest');

      assert.deepEqual(await keysOf(lab), []);
    },
  },
  {
    name: 'the CRC32 of an object is given back to whoever asks',
    async run(lab) {
      await put(lab, 'k', 'hello', { ChecksumCRC32: 'NhCmhg==' });

      const { ChecksumCRC32 } = await lab.client.send(
        new HeadObjectCommand({ Bucket: lab.bucket, Key: 'k', ChecksumMode: 'ENABLED' }),
      );

      assert.equal(ChecksumCRC32, 'NhCmhg==');
    },
  },
  {
    name: 'a stream is taken in chunks with its checksum behind it',
    async run(lab) {
      const chunks = [Buffer.alloc(8_192, 'a'), Buffer.from('hello')];

      await put(lab, 'k', '', { Body: Readable.from(chunks), ContentLength: 8_197 });

      assert.equal(await textOf(lab, 'k'), Buffer.concat(chunks).toString());
      assert.equal((await head(lab, 'k')).ContentEncoding, undefined);
    },
  },
  {
    name: 'ranges of an object are read from the start, the end and between',
    async run(lab) {
      await put(lab, 'k', 'abcdef');

      assert.equal(await range(lab, 'bytes=1-3'), '206 bytes 1-3/6 bcd');
      assert.equal(await range(lab, 'bytes=4-'), '206 bytes 4-5/6 ef');
      assert.equal(await range(lab, 'bytes=4-99'), '206 bytes 4-5/6 ef');
      assert.equal(await range(lab, 'bytes=-2'), '206 bytes 4-5/6 ef');
    },
  },
  {
    name: 'a range behind the end is refused',
    async run(lab) {
      await put(lab, 'k', 'abcdef');

      await refused(range(lab, 'bytes=6-'), 416, 'InvalidRange');
    },
  },
  {
    name: 'what does not exist is missing to get and head, and may be deleted',
    async run(lab) {
      await refused(textOf(lab, 'k'), 404, 'NoSuchKey');
      await refused(head(lab, 'k'), 404, 'NotFound');

      const { $metadata } = await lab.client.send(new DeleteObjectCommand({ Bucket: lab.bucket, Key: 'k' }));
      assert.equal($metadata.httpStatusCode, 204);
    },
  },
  {
    name: 'many objects are deleted by one request, those that do not exist too',
    async run(lab) {
      for (const key of ['a', 'b & c', 'd']) await put(lab, key, key);
      const Objects = ['a', 'b & c', 'missing'].map((Key) => ({ Key }));

      const { Errors = [] } = await lab.client.send(
        new DeleteObjectsCommand({ Bucket: lab.bucket, Delete: { Objects } }),
      );

      assert.deepEqual(Errors, []);
      assert.deepEqual(await keysOf(lab), ['d']);
    },
  },
  {
    name: 'a key has up to 1,024 bytes',
    async run(lab) {
      // In short segments, since stores on a file system have a limit for those too.
      const longest = `${'seg/'.repeat(255)}last`;

      await put(lab, longest, 'x');

      assert.deepEqual(await keysOf(lab), [longest]);
    },
  },
  {
    name: 'a key of more than 1,024 bytes is refused',
    async run(lab) {
      const tooLong = `${'seg/'.repeat(255)}laste`;

      await refused(put(lab, tooLong, 'x'), 400, 'KeyTooLongError');
      await refused(create(lab, tooLong), 400, 'KeyTooLongError');
    },
  },
  {
    name: 'a segment of a key may have 300 bytes',
    async run(lab) {
      await put(lab, 's'.repeat(300), 'x');

      assert.deepEqual(await keysOf(lab), ['s'.repeat(300)]);
    },
  },
  {
    name: 'a key may be made of any printable characters',
    async run(lab) {
      const keys = [
        ...['a b', 'a+b', '100%', '%25', 'é🎉漢', 'h#h', 'q?m', 'x=y&z', "it's", 'dot..dot', '(a)', '[b]', '{c}'],
        ...['a:b', 'a;b', 'a,b', 'a@b', 'a$b', 'a!b', 'a*b', 'a~b', 'a^b', 'a`b', 'a|b', 'a"b', 'a<b>c', 'a\\b'],
      ];
      for (const key of keys) await put(lab, `d/${key}`, key);

      for (const key of keys) assert.equal(await textOf(lab, `d/${key}`), key);
      assert.deepEqual(new Set(await keysOf(lab)), new Set(keys.map((key) => `d/${key}`)));
    },
  },
  {
    name: 'a key may have control characters',
    async run(lab) {
      await put(lab, 'tab\tnewline\nbell\u0007', 'x');

      assert.deepEqual(await keysOf(lab), ['tab\tnewline\nbell\u0007']);
    },
  },
  {
    name: 'a key may have empty segments, and a slash at its end',
    async run(lab) {
      for (const key of ['a//b', 'c/']) await put(lab, key, key);

      assert.deepEqual(await keysOf(lab), ['a//b', 'c/']);
      assert.equal(await textOf(lab, 'a//b'), 'a//b');
    },
  },
  {
    name: 'a key may be the directory of another',
    async run(lab) {
      await put(lab, 'n', 'file');
      await put(lab, 'n/x', 'below');

      assert.deepEqual([await textOf(lab, 'n'), await textOf(lab, 'n/x')], ['file', 'below']);
    },
  },
  {
    name: 'metadata has up to 2 KiB',
    async run(lab) {
      await put(lab, 'k', 'x', { Metadata: { a: 'v'.repeat(2_047) } });

      assert.equal((await head(lab, 'k')).Metadata?.a, 'v'.repeat(2_047));
    },
  },
  {
    name: 'metadata of more than 2 KiB is refused',
    async run(lab) {
      await refused(put(lab, 'k', 'x', { Metadata: { a: 'v'.repeat(2_048) } }), 400, 'MetadataTooLarge');
    },
  },
  {
    name: 'a bucket that does not exist is named as missing',
    async run({ client, bucket }) {
      const nowhere = { client, bucket: `${bucket}-missing` };

      await refused(put(nowhere, 'k', 'x'), 404, 'NoSuchBucket');
      await refused(textOf(nowhere, 'k'), 404, 'NoSuchBucket');
      await refused(keysOf(nowhere), 404, 'NoSuchBucket');
      await refused(create(nowhere, 'k'), 404, 'NoSuchBucket');
      await refused(client.send(new HeadBucketCommand({ Bucket: nowhere.bucket })), 404, 'NotFound');
    },
  },
];
