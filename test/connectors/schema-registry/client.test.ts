import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../core/errors.ts';
import { type Script, scriptedRegistry, URLS } from './support/registry-env.ts';

const CLICK = { type: 'record', name: 'Click', fields: [] };
const [ONE, TWO] = URLS as [string, string];

async function failureOf(awaited: Promise<unknown>): Promise<SluiceError> {
  try {
    await awaited;
  } catch (error) {
    return error as SluiceError;
  }
  return assert.fail('it succeeded');
}

/** What becomes of a request that this answer is given to, once. */
async function failureFor(status: number, text: string, auth: object = {}) {
  const { client, asked } = scriptedRegistry({ urls: [ONE], auth, script: () => ({ status, text }) });
  return { error: await failureOf(client.schema(7)), asked };
}

test('a schema is asked for once, and by everybody who wants it meanwhile together', async () => {
  const { client, model, asked } = scriptedRegistry();
  const id = model.register({ subject: 'clicks-value', schema: CLICK });

  const both = await Promise.all([client.schema(id), client.schema(id)]);
  const later = await client.schema(id);

  const expected = { id, type: 'AVRO', schema: JSON.stringify(CLICK), references: [] };
  assert.deepEqual([...both, later], [expected, expected, expected]);
  assert.equal(client.known(id), later);
  assert.deepEqual(asked, [`${ONE}/schemas/ids/1`]);
});

test('what a schema refers to comes along, each behind what it refers to itself, and once', async () => {
  const { client, model, asked } = scriptedRegistry();
  const refer = (name: string, subject: string) => ({ name, subject, version: 1 });
  model.register({ subject: 'money/eur', schema: 'M' });
  model.register({ subject: 'item', schema: 'I', references: [refer('a.Money', 'money/eur')] });
  const references = [refer('a.Item', 'item'), refer('a.Money', 'money/eur')];
  const id = model.register({ subject: 'order', schema: 'O', type: 'JSON', references });

  const read = await client.schema(id);

  assert.equal(read.type, 'JSON');
  assert.deepEqual(
    read.references.map(({ name, schema }) => [name, schema]),
    [
      ['a.Money', 'M'],
      ['a.Item', 'I'],
    ],
  );
  const paths = ['/schemas/ids/3', '/subjects/item/versions/1', '/subjects/money%2Feur/versions/1'];
  assert.deepEqual(
    asked,
    paths.map((path) => `${ONE}${path}`),
  );
});

test('references in a circle, or without an end, are refused', async () => {
  const { client, model } = scriptedRegistry();
  model.register({ subject: 'a', schema: 'A', references: [{ name: 'B', subject: 'b', version: 1 }] });
  model.register({ subject: 'b', schema: 'B', references: [{ name: 'A', subject: 'a', version: 1 }] });
  const wide = Array.from({ length: 300 }, (_, index) => ({ name: `W${index}`, subject: `w${index}`, version: 1 }));
  for (const { subject } of wide) model.register({ subject, schema: 'W' });
  const id = model.register({ subject: 'wide', schema: 'W', references: wide });

  for (const schemaId of [1, id]) {
    const error = await failureOf(client.schema(schemaId));
    assert.deepEqual([error.kind, error.code], ['rejected', 'REGISTRY_REFERENCES']);
  }
});

test('an unknown id is rejected naming it and the url, and asked for anew the next time', async () => {
  const { client, model, asked } = scriptedRegistry();

  const error = await failureOf(client.schema(1));
  assert.deepEqual([error.kind, error.code], ['rejected', 'REGISTRY_UNKNOWN']);
  assert.match(error.message, /schema id 1 .*http:\/\/one:8081: HTTP 404, Schema 1 not found/);
  assert.match(error.help ?? '', /registry that the producer uses/);

  model.register({ subject: 'late', schema: CLICK });
  assert.equal((await client.schema(1)).id, 1);
  assert.equal(asked.length, 2);
});

test('a reference that is gone is rejected naming it', async () => {
  const { client, model } = scriptedRegistry();
  const id = model.register({ subject: 'a', schema: 'A', references: [{ name: 'B', subject: 'b', version: 3 }] });

  const error = await failureOf(client.schema(id));

  assert.deepEqual([error.kind, error.code], ['rejected', 'REGISTRY_UNKNOWN']);
  assert.match(error.message, /version 3 of b, which schema id 1 refers to/);
});

test('answers that say no are told by what the user has to mend, and not asked for twice', async () => {
  const cases: [number, string, string, string][] = [
    [401, '{"error_code":401,"message":"Unauthorized"}', 'config', 'REGISTRY_DENIED'],
    [403, '', 'config', 'REGISTRY_DENIED'],
    [404, '<h1>Not Found</h1>', 'config', 'REGISTRY_URL'],
    [302, '', 'config', 'REGISTRY_URL'],
    [422, '{"error_code":42202,"message":"Invalid version"}', 'rejected', 'REGISTRY_REFUSED'],
    [200, '<h1>Welcome</h1>', 'rejected', 'REGISTRY_ANSWER'],
    [200, '{"schema":7}', 'rejected', 'REGISTRY_ANSWER'],
  ];
  for (const [status, text, kind, code] of cases) {
    const { error, asked } = await failureFor(status, text);
    assert.deepEqual([error.kind, error.code], [kind, code], `${status} ${text}`);
    assert.equal(asked.length, 1);
    assert.match(error.message, /schema id 7 of the schema registry at http:\/\/one:8081/);
  }
});

test('no secret is in a message, even where a server quotes it', async () => {
  const basic = { type: 'basic', username: 'key', password: 'hush-hush' };
  const bearer = { type: 'bearer', token: 'hush-hush' };
  const header = Buffer.from('key:hush-hush').toString('base64');

  for (const auth of [basic, bearer])
    for (const quoted of ['hush-hush', `Basic ${header}`, 'Bearer hush-hush']) {
      const { error } = await failureFor(401, JSON.stringify({ message: `no ${quoted} here` }), { auth });
      assert.match(error.message, /HTTP 401, no .*here/);
      const all = JSON.stringify([error.message, error.help, error.details, String(error.cause)]);
      assert.doesNotMatch(all, /hush-hush/);
      if (auth === basic) assert.ok(!all.includes(header));
    }
});

test('another server is asked at once where one is away, and stays the one that is asked', async () => {
  const script: Script = (_path, base) => {
    if (base === ONE) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    return undefined;
  };
  const { client, model, virtual, asked } = scriptedRegistry({ script });
  for (const subject of ['a', 'b']) model.register({ subject, schema: CLICK });

  await virtual.run(client.schema(1));
  await virtual.run(client.schema(2));

  assert.equal(virtual.nowMs, 0);
  assert.deepEqual(asked, [`${ONE}/schemas/ids/1`, `${TWO}/schemas/ids/1`, `${TWO}/schemas/ids/2`]);
});

test('500, 429 and silence pass: it is asked again after pauses that grow', async () => {
  const answers = [
    { status: 500, text: '{"error_code":50001,"message":"Error in the backend data store"}' },
    { status: 429, text: '' },
    undefined,
  ];
  const times: number[] = [];
  const { client, model, virtual } = scriptedRegistry({
    urls: [ONE],
    script: () => {
      times.push(virtual.nowMs);
      const answer = answers[times.length - 1];
      if (times.length <= answers.length && answer === undefined) throw new Error('no whole answer within 10000 ms');
      return answer;
    },
  });
  virtual.random = 0;
  model.register({ subject: 'a', schema: CLICK });

  await virtual.run(client.schema(1));

  assert.deepEqual(times, [0, 100, 300, 700]);
});

test('a registry that stays away is unavailable after several rounds, and is asked anew the next time', async () => {
  let isAway = true;
  const { client, model, virtual, asked } = scriptedRegistry({
    script: () => (isAway ? { status: 503, text: '' } : undefined),
  });
  model.register({ subject: 'a', schema: CLICK });

  const error = await failureOf(virtual.run(client.schema(1)));
  assert.deepEqual([error.kind, error.code], ['unavailable', 'REGISTRY_UNAVAILABLE']);
  assert.match(error.message, /HTTP 503/);
  assert.equal(asked.length, 12);
  assert.ok(virtual.nowMs > 2_000 && virtual.nowMs < 10_000, `${virtual.nowMs} ms`);

  isAway = false;
  assert.equal((await virtual.run(client.schema(1))).id, 1);
});

test('who gives up hears the reason at once, and the others get their schema', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<undefined>();
  const { client, model, asked } = scriptedRegistry({ script: () => held as Promise<never> });
  model.register({ subject: 'a', schema: CLICK });
  const patient = client.schema(1);
  const leaver = new AbortController();
  const leaving = client.schema(1, { signal: leaver.signal });

  leaver.abort(new Error('stopping'));
  assert.equal((await failureOf(leaving)).message, 'stopping');
  assert.equal((await failureOf(client.schema(1, { signal: leaver.signal }))).message, 'stopping');
  letGo(undefined);

  assert.equal((await patient).id, 1);
  assert.equal(asked.length, 1);
});

test('a closed client calls off what is under way, a pause included', async () => {
  const { client, virtual } = scriptedRegistry({ script: () => ({ status: 503, text: '' }) });
  const asking = failureOf(client.schema(1));
  await virtual.advance(50);

  await client[Symbol.asyncDispose]();

  assert.match((await asking).message, /is closed/);
  assert.match((await failureOf(client.schema(2))).message, /is closed/);
});

test('a thousand schemas are kept, and then the first one is asked for again', async () => {
  const { client, model, asked } = scriptedRegistry({ urls: [ONE] });
  for (let index = 0; index <= 1_000; index++) model.register({ subject: `s${index}`, schema: CLICK });
  for (let id = 1; id <= 1_001; id++) await client.schema(id);

  assert.equal(client.known(1), undefined);
  assert.equal(client.known(2)?.id, 2);
  await client.schema(1);
  assert.equal(asked.length, 1_002);
});
