import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordPlace } from '../../../connectors/formats/record-problem.ts';
import { avroDecoder } from '../../../connectors/schema-registry/avro-decoder.ts';
import type { ValueDecoder } from '../../../connectors/schema-registry/decoder.ts';
import { rejected } from '../formats/record.ts';
import { type Script, scriptedRegistry } from './support/registry-env.ts';
import { AT, longBytes, prefixed } from './support/values.ts';

const CLICK = { type: 'record', name: 'Click', fields: [{ name: 'n', type: 'int' }] };
const CLICK_1 = [2];
const { signal } = new AbortController();

function decoderOn(script?: Script) {
  const registry = scriptedRegistry({ urls: ['http://one:8081'], ...(script === undefined ? {} : { script }) });
  return { ...registry, decoder: avroDecoder(registry.client) };
}

/** Decodes as a lane does: asks again when it is ready. */
async function decoded(decoder: ValueDecoder, bytes: Buffer, at: RecordPlace = AT): Promise<unknown> {
  for (;;) {
    const result = decoder.decode(bytes, at);
    if (result.kind === 'value') return result.value;
    await decoder.ready({ signal });
  }
}

test('a schema that is not known gives no value yet, and one when it is ready', async () => {
  const { decoder, model, asked } = decoderOn();
  const id = model.register({ subject: 'clicks-value', schema: CLICK });
  const bytes = prefixed(id, Uint8Array.from(CLICK_1));

  assert.deepEqual(decoder.decode(bytes, AT), { kind: 'notYet' });
  assert.deepEqual(decoder.decode(bytes, AT), { kind: 'notYet' });
  await decoder.ready({ signal });

  assert.deepEqual(decoder.decode(bytes, AT), { kind: 'value', value: { n: 1 } });
  assert.equal(asked.length, 1);
});

test('values of several schemas take turns, each by its own', async () => {
  const { decoder, model, asked } = decoderOn();
  const click = model.register({ subject: 'a', schema: CLICK });
  const word = model.register({ subject: 'b', schema: '"string"' });
  const values: unknown[] = [];

  for (let round = 0; round < 3; round++) {
    values.push(await decoded(decoder, prefixed(click, Uint8Array.from(CLICK_1))));
    values.push(await decoded(decoder, prefixed(word, '\x02x')));
  }

  assert.deepEqual(values, [{ n: 1 }, 'x', { n: 1 }, 'x', { n: 1 }, 'x']);
  assert.equal(asked.length, 2);
});

test('two decoders share what a client knows', async () => {
  const { decoder, client, model } = decoderOn();
  const id = model.register({ subject: 'a', schema: CLICK });
  await client.schema(id);

  for (const one of [decoder, avroDecoder(client)])
    assert.equal(one.decode(prefixed(id, Uint8Array.from(CLICK_1)), AT).kind, 'value');
});

test('names of other schemas are found by references', async () => {
  const { decoder, model } = decoderOn();
  const money = {
    type: 'record',
    name: 'shop.Money',
    fields: [{ name: 'cents', type: { type: 'fixed', name: 'C', size: 1 } }],
  };
  model.register({ subject: 'money', schema: money });
  const order = {
    type: 'record',
    name: 'Order',
    namespace: 'shop',
    fields: ['Money', 'C'].map((type) => ({ name: type, type })),
  };
  const references = [{ name: 'shop.Money', subject: 'money', version: 1 }];
  const id = model.register({ subject: 'order', schema: order, references });

  assert.deepEqual(await decoded(decoder, prefixed(id, '\0\0')), { Money: { cents: 'AA==' }, C: 'AA==' });
});

test('an unknown schema is told once by ready, naming the first record that has it, and then asked for anew', async () => {
  const { decoder, model } = decoderOn();
  const bytes = prefixed(1, Uint8Array.from(CLICK_1));
  // A lane may use one object for all of its records.
  const at = { ...AT };
  decoder.decode(bytes, at);
  at.offset = 99;
  // The answer may be there before somebody asks whether it is.
  await new Promise(setImmediate);
  assert.equal(decoder.decode(bytes, at).kind, 'notYet');

  const message =
    /^clicks\/3: the record at offset 12 names a schema that cannot be had: .*schema id 1 .*http:\/\/one:8081/;
  await assert.rejects(decoder.ready({ signal }), rejected('REGISTRY_UNKNOWN', message));
  await decoder.ready({ signal });

  model.register({ subject: 'late', schema: CLICK });
  assert.deepEqual(await decoded(decoder, bytes), { n: 1 });
});

test('a registry that is away makes ready reject with unavailable', async () => {
  const { decoder, virtual } = decoderOn(() => ({ status: 503, text: '' }));
  decoder.decode(prefixed(1, ''), AT);

  await assert.rejects(virtual.run(decoder.ready({ signal })), { kind: 'unavailable', code: 'REGISTRY_UNAVAILABLE' });
});

test('whoever stops waiting hears the reason, and the schema comes all the same', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<undefined>();
  const { decoder, model } = decoderOn(() => held as Promise<never>);
  const id = model.register({ subject: 'a', schema: CLICK });
  const bytes = prefixed(id, Uint8Array.from(CLICK_1));
  const stop = new AbortController();
  decoder.decode(bytes, AT);
  const waiting = decoder.ready({ signal: stop.signal });

  stop.abort(new Error('stopping'));
  await assert.rejects(waiting, /stopping/);
  await assert.rejects(decoder.ready({ signal: stop.signal }), /stopping/);
  letGo(undefined);

  assert.deepEqual(await decoded(decoder, bytes), { n: 1 });
});

test('a fetch that fails when nobody waits any more is told to whoever asks next', async () => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<{ status: number; text: string }>();
  const { decoder } = decoderOn(() => held);
  decoder.decode(prefixed(1, ''), AT);

  await assert.rejects(decoder.ready({ signal: AbortSignal.abort(new Error('stopping')) }), /stopping/);
  letGo({ status: 403, text: '' });
  await new Promise(setImmediate);

  await assert.rejects(decoder.ready({ signal }), { kind: 'config', code: 'REGISTRY_DENIED' });
});

test('each value may have as many items without a byte as the one before', async () => {
  const { decoder, model } = decoderOn();
  const id = model.register({ subject: 'a', schema: { type: 'array', items: 'null' } });
  const bytes = prefixed(id, Uint8Array.from([...longBytes(40_000n), 0]));

  for (let count = 0; count < 2; count++) assert.equal(((await decoded(decoder, bytes)) as null[]).length, 40_000);
});

test('a value that is not of its schema is rejected with the place of the record and in the value', async () => {
  const { decoder, model } = decoderOn();
  const outer = { type: 'record', name: 'Outer', fields: [{ name: 'click', type: CLICK }] };
  const id = model.register({ subject: 'a', schema: outer });
  const rejects = (body: number[], message: RegExp) =>
    assert.rejects(decoded(decoder, prefixed(id, Uint8Array.from(body))), rejected('VALUE_NOT_AVRO', message));

  const begin = '^clicks/3: the record at offset 12 has a value that is not of its schema id 1: ';
  await rejects([], new RegExp(`${begin}the end inside a value \\(byte 5 of 5\\), in click\\.n$`));
  await rejects([2, 2], new RegExp(`${begin}1 bytes behind the value \\(byte 6 of 7\\)$`));
  assert.deepEqual(await decoded(decoder, prefixed(id, '\x02')), { click: { n: 1 } });
});

test('other kinds of schemas are refused with a way out', async () => {
  const { decoder, model } = decoderOn();
  const protobuf = model.register({ subject: 'p', schema: 'syntax = "proto3";', type: 'PROTOBUF' });
  const json = model.register({ subject: 'j', schema: '{}', type: 'JSON' });

  for (const [id, type, help] of [
    [protobuf, 'PROTOBUF', /^Protobuf is not decoded/],
    [json, 'JSON', /set source.value.format: jsonSchema/],
  ] as const)
    await assert.rejects(decoded(decoder, prefixed(id, '\0')), (error: Error & { help?: string }) => {
      assert.match(error.help ?? '', help);
      return rejected('VALUE_NOT_AVRO', new RegExp(`schema id ${id}, which is not Avro but ${type}`))(error);
    });
});

test('a schema that is none is rejected with its path', async () => {
  const { decoder, model } = decoderOn();
  const broken = model.register({ subject: 'a', schema: '{"type":' });
  const unknown = model.register({ subject: 'b', schema: { ...CLICK, fields: [{ name: 'n', type: 'Nobody' }] } });

  await assert.rejects(
    decoded(decoder, prefixed(broken, '\0')),
    rejected('REGISTRY_SCHEMA', /schema id 1, .*: not JSON/),
  );
  await assert.rejects(
    decoded(decoder, prefixed(unknown, '\0')),
    rejected('REGISTRY_SCHEMA', /n: unknown type Nobody/),
  );
});

test('layers beyond what the stack holds are rejected, and the next value is read', async () => {
  const { decoder, model } = decoderOn();
  let inner: unknown = 'R';
  for (let layer = 0; layer < 100; layer++) inner = { type: 'array', items: inner };
  const id = model.register({
    subject: 'a',
    schema: { type: 'record', name: 'R', fields: [{ name: 'r', type: inner }] },
  });

  // Counts of one item all the way down.
  const bomb = prefixed(id, Buffer.alloc(100 * 250, 2));
  await assert.rejects(decoded(decoder, bomb), rejected('VALUE_NOT_AVRO', /nested too deeply/));
  assert.deepEqual(await decoded(decoder, prefixed(id, '\0')), { r: [] });
});
