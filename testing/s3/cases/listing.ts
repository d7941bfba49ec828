import assert from 'node:assert/strict';
import { DeleteObjectCommand, ListObjectsV2Command, type ListObjectsV2CommandInput } from '@aws-sdk/client-s3';
import { keysOf, put, refused, type S3Case, type S3Lab } from './lab.ts';

async function fill(lab: S3Lab, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += 50)
    await Promise.all(keys.slice(at, at + 50).map((key) => put(lab, key, 'x')));
}

/** Every page: its keys, and common prefixes in brackets. */
async function pagesOf(lab: S3Lab, query: Omit<ListObjectsV2CommandInput, 'Bucket'>): Promise<string[][]> {
  const pages: string[][] = [];
  let token: string | undefined;
  do {
    const page = await lab.client.send(
      new ListObjectsV2Command({ Bucket: lab.bucket, ...query, ContinuationToken: token }),
    );
    const objects = (page.Contents ?? []).map(({ Key = '' }) => Key);
    pages.push([...objects, ...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => `[${Prefix}]`)]);
    token = page.NextContinuationToken;
    assert.equal(page.IsTruncated === true, token !== undefined);
  } while (token !== undefined);
  return pages;
}

export const listingCases: readonly S3Case[] = [
  {
    name: 'keys are listed in the order of their UTF-8 bytes',
    async run(lab) {
      // In UTF-16 the last two would be the other way round.
      const inOrder = ['A', 'a', 'a-b', 'a.b', 'ab', 'é', '\uff61', '🎉'];
      await fill(lab, [...inOrder].reverse());

      assert.deepEqual(await keysOf(lab), inOrder);
    },
  },
  {
    name: 'a list shows at once what was written and what was deleted',
    async run(lab) {
      for (let i = 0; i < 5; i++) {
        await put(lab, `k${i}`, 'x');
        assert.equal((await keysOf(lab)).length, i + 1);
      }
      await lab.client.send(new DeleteObjectCommand({ Bucket: lab.bucket, Key: 'k2' }));

      assert.deepEqual(await keysOf(lab), ['k0', 'k1', 'k3', 'k4']);
    },
  },
  {
    name: 'a prefix needs not end at a slash',
    async run(lab) {
      await fill(lab, ['raw/a', 'raw/b', 'rawest', 'row']);

      assert.deepEqual(await keysOf(lab, { Prefix: 'raw' }), ['raw/a', 'raw/b', 'rawest']);
      assert.deepEqual(await keysOf(lab, { Prefix: 'raw/b' }), ['raw/b']);
      assert.deepEqual(await keysOf(lab, { Prefix: 'none/' }), []);
    },
  },
  {
    name: 'a delimiter rolls keys up into common prefixes, page by page',
    async run(lab) {
      await fill(lab, ['d/a/1', 'd/a/2', 'd/b', 'd/c/1', 'd/c/2', 'd/d', 'e']);

      assert.deepEqual(await pagesOf(lab, { Prefix: 'd/', Delimiter: '/' }), [['d/b', 'd/d', '[d/a/]', '[d/c/]']]);
      assert.deepEqual((await pagesOf(lab, { Prefix: 'd/', Delimiter: '/', MaxKeys: 1 })).flat(), [
        '[d/a/]',
        'd/b',
        '[d/c/]',
        'd/d',
      ]);
    },
  },
  {
    name: 'pages have as many keys as were asked for, and together all',
    async run(lab) {
      await fill(lab, ['a', 'b', 'c', 'd', 'e']);

      assert.deepEqual(await pagesOf(lab, { MaxKeys: 2 }), [['a', 'b'], ['c', 'd'], ['e']]);
      assert.deepEqual(await pagesOf(lab, { MaxKeys: 5 }), [['a', 'b', 'c', 'd', 'e']]);
    },
  },
  {
    name: 'a page has at most 1,000 keys',
    async run(lab) {
      await fill(
        lab,
        Array.from({ length: 1_001 }, (_, i) => `k${String(i).padStart(4, '0')}`),
      );

      assert.deepEqual(
        (await pagesOf(lab, { MaxKeys: 5_000 })).map((page) => page.length),
        [1_000, 1],
      );
    },
  },
  {
    name: 'a list starts after the key it is told, which needs not exist',
    async run(lab) {
      await fill(lab, ['a', 'b', 'c', 'd']);

      assert.deepEqual(await keysOf(lab, { StartAfter: 'b' }), ['c', 'd']);
      assert.deepEqual(await keysOf(lab, { StartAfter: 'bb' }), ['c', 'd']);
      assert.deepEqual(await keysOf(lab, { StartAfter: 'd' }), []);
      assert.deepEqual(await pagesOf(lab, { StartAfter: 'a', MaxKeys: 2 }), [['b', 'c'], ['d']]);
    },
  },
  {
    name: 'a list may be asked for no key',
    async run(lab) {
      await fill(lab, ['a']);

      assert.deepEqual(await pagesOf(lab, { MaxKeys: 0 }), [[]]);
    },
  },
  {
    name: 'a list gives keys as URLs have them when it is asked to',
    async run(lab) {
      await fill(lab, ['d/é(1)%']);

      assert.deepEqual(await keysOf(lab, { EncodingType: 'url' }), ['d/%C3%A9%281%29%25']);
    },
  },
  {
    name: 'a list refuses a token that it has not given',
    async run(lab) {
      await refused(keysOf(lab, { ContinuationToken: 'made up' }), 400, 'InvalidArgument');
    },
  },
];
