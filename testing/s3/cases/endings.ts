import assert from 'node:assert/strict';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import {
  abort,
  complete,
  keysOf,
  part,
  partsOf,
  put,
  refused,
  remove,
  type S3Case,
  staged,
  textOf,
  uploadsOf,
  WRONG_ETAG,
} from './lab.ts';

const small = (text: string) => Buffer.from(text);

/** How uploads end: completed, completed again, under a condition, aborted. */
export const endingCases: readonly S3Case[] = [
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
      await remove(lab, 'k');

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
      await remove(lab, 'k');
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
];
