import assert from 'node:assert/strict';
import { call, describe, type HdfsCase, jsonOf, put, requestOf, status, textOf } from './lab.ts';

const OCTETS = { 'content-type': 'application/octet-stream' };

/** What only the HTTP gateway does: it is its own DataNode. */
export const gatewayCases: readonly HdfsCase[] = [
  {
    name: 'the gateway sends writers on to itself',
    async run(lab) {
      const answer = await call(lab, 'CREATE', 'f', { noredirect: true, overwrite: false });

      const location = new URL((jsonOf(answer) as { Location: string }).Location);
      assert.equal(location.origin, lab.url);
      assert.equal(location.searchParams.get('data'), 'true');
      assert.equal((await call(lab, 'CREATE', 'f', { overwrite: false })).status, 307);
    },
  },
  {
    name: 'the gateway takes a file in one step, with data=true, and says where it is',
    async run(lab) {
      const request = requestOf(lab, 'CREATE', 'f', { data: true, overwrite: false });

      const answer = await lab.wire.send({ ...request, headers: OCTETS, body: Buffer.from('hello') });

      assert.equal(answer.status, 201, describe(answer));
      assert.deepEqual(Object.keys(jsonOf(answer) as object), ['Location']);
      assert.equal(await textOf(lab, 'f'), 'hello');
    },
  },
  {
    name: 'the gateway refuses bytes that are not said to be bytes, and says no more than 400',
    async run(lab) {
      const request = requestOf(lab, 'CREATE', 'f', { data: true, overwrite: false });
      const headers = { 'content-type': 'text/plain' };

      const answer = await lab.wire.send({ ...request, headers, body: Buffer.from('hello') });

      assert.equal(answer.status, 400);
      assert.equal(answer.body.length, 0);
      assert.equal(await status(lab, 'f'), undefined);
    },
  },
  {
    name: 'the gateway reads in one step',
    async run(lab) {
      await put(lab, 'f', 'hello');

      const answer = await call(lab, 'OPEN', 'f', { offset: 1, length: 3 });

      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), 'ell');
    },
  },
];
