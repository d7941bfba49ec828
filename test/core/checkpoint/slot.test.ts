import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeLayout, makeMarker, readLayout, readMarker } from '../../../core/checkpoint/layout.ts';
import { decodeSlot, encodeSlot, type Slot, sha256Of } from '../../../core/checkpoint/slot.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { failsWith, throwsWith } from '../support/expect.ts';
import { layoutOf, pendingOf, slotOf } from '../support/slots.ts';

const golden = (name: string) => readFileSync(join(import.meta.dirname, 'golden', name));
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

// These files are what released versions have written. They are never edited: a format that changes gets a new file.
test('a slot of version 1 is read for ever, and written again it is the same but for its version', () => {
  const bytes = golden('slot-v1.json');

  const slot = decodeSlot(bytes, 'golden/slot-v1.json');

  assert.equal(encodeSlot(slot).toString(), bytes.toString().replace('"version": 1,', '"version": 2,'));
  assert.equal(slot.seq, 42);
  assert.deepEqual(slot.previous?.seq, 41);
  assert.deepEqual(slot.source.splits[1]?.position, { offset: 9_007_199_254_740_991, leaderEpoch: 7 });
  assert.deepEqual(slot.pending[0]?.covers, { 'clicks/0': [1_204, 2_000], 'clicks/1': [0, 17] });
  assert.equal(slot.resolution?.choice, 'acceptLost');
});

test('a slot is of version 1 unless some part stays open, which older versions would discard', () => {
  const { sinks, ...slot } = decodeSlot(golden('slot-v1.json'), 'golden');
  const encoded = (state: Slot['sinks']['main']['state']) =>
    JSON.parse(encodeSlot({ ...slot, sinks: { ...sinks, main: { ...sinks.main, state } } }).toString());

  assert.equal(encoded([]).version, 1);
  assert.equal(encoded(sinks.main.state).version, 2);
});

test('the golden slot has the same digest for ever, since the next slot names it by that', () => {
  assert.equal(
    sha256Of(encodeSlot(decodeSlot(golden('slot-v1.json'), 'golden'))),
    'c457c500510b2eb7a68b49bc0c13c051192d63c67dd922636134652129f10a8f',
  );
});

test('a slot that names open files is read for ever, and written again it is the same bytes', () => {
  const bytes = golden('slot-open-files-v2.json');

  const slot = decodeSlot(bytes, 'golden/slot-open-files-v2.json');

  assert.equal(encodeSlot(slot).toString(), bytes.toString());
  assert.equal(sha256Of(encodeSlot(slot)), '1ea6781dd1975d2e52932e53eca30127e46e36ca1400479d5a26581c20ad9ad2');
  assert.deepEqual(
    slot.sinks.main.state.map(({ version }) => version),
    [1, 1],
  );
});

test('a layout of version 1 is read for ever, and written again it is the same bytes', async () => {
  const bytes = golden('layout-v1.json');
  const store = new MemoryStore({ objects: new Map([['clicks/layout-000001.json', bytes]]) });

  const layout = await readLayout(store, 'clicks', {});

  assert.equal(layout?.lineage, '8c1f0e5a77d24b90');
  const again = new MemoryStore();
  await makeLayout(again, layout as NonNullable<typeof layout>, {});
  assert.equal(textOf(again, 'clicks/layout-000001.json'), bytes.toString());
});

test('an output marker of version 1 is read for ever, and written again it is the same bytes', async () => {
  const bytes = golden('marker-v1.json');
  const store = new MemoryStore({ objects: new Map([['clicks.json', bytes]]) });

  const marker = await readMarker(store, 'clicks', {});

  assert.equal(marker?.store, 'file:/data/clicks/_sluice');
  const again = new MemoryStore();
  await makeMarker(again, marker as NonNullable<typeof marker>, {});
  assert.equal(textOf(again, 'clicks.json'), bytes.toString());
});

test('property: a slot that was written is read back the same, and written again it is the same bytes', () => {
  const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<ReturnType<typeof pendingOf>['payload']>;
  const pending = fc.record({ id: fc.string(), phase: fc.integer({ min: -1, max: 3 }), payload: json });
  fc.assert(
    fc.property(fc.array(pending, { maxLength: 3 }), fc.string(), fc.nat(), (entries, host, records) => {
      const slot = slotOf({
        owner: { host, pid: 1, version: '1' },
        pending: entries.map((entry) => pendingOf(entry)),
        stats: { records, bytes: 0 },
      });

      const bytes = encodeSlot(slot);
      const back = decodeSlot(bytes, 'here');

      assert.deepEqual(back, JSON.parse(JSON.stringify(slot)));
      assert.deepEqual(encodeSlot(back), bytes);
    }),
  );
});

test('property: a slot cut off at any byte is damaged, never half read', () => {
  const bytes = golden('slot-v1.json');
  // Only the line end may be missing.
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 2 }), (length) => {
      throwsWith(() => decodeSlot(bytes.subarray(0, length), 'here'), 'dataLoss', 'SLOT_DAMAGED');
    }),
  );
});

test('a truncated slot is named, and deleting it is advised against', () => {
  const error = throwsWith(
    () => decodeSlot(golden('slot-v1.json').subarray(0, 100), 'file:/s/clicks/000001/0000/000000000042.json'),
    'dataLoss',
    'SLOT_DAMAGED',
  );

  assert.match(error.message, /000000000042\.json/);
  assert.match(error.help ?? '', /backup.*Deleting it would/);
});

test('a foreign file is not a slot', () => {
  for (const foreign of [{}, [], null, 7, { format: 'sluice-layout', version: 1, kind: 'claim' }])
    throwsWith(() => decodeSlot(bytesOf(foreign), 'here'), 'dataLoss', 'SLOT_DAMAGED');
});

test('a slot of a newer version is refused as configuration, whatever is in it', () => {
  const newer = { ...JSON.parse(golden('slot-v1.json').toString()), version: 3, source: 'in another shape' };

  const error = throwsWith(() => decodeSlot(bytesOf(newer), 'here'), 'config', 'SLOT_NEWER');

  assert.match(error.message, /newer Sluice \(format version 3/);
});

test('a slot of an unknown kind is refused as configuration', () => {
  const unknown = { ...JSON.parse(golden('slot-v1.json').toString()), kind: 'merged' };

  throwsWith(() => decodeSlot(bytesOf(unknown), 'here'), 'config', 'SLOT_NEWER');
});

test('what a connector put into a slot is written again untouched, whatever its keys', () => {
  const payload = JSON.parse('{"__proto__":{"a":1},"constructor":[],"":null}');
  const bytes = encodeSlot(slotOf({ pending: [pendingOf({ payload })] }));

  assert.deepEqual(encodeSlot(decodeSlot(bytes, 'here')), bytes);
});

test('a slot that lacks a field or has one of the wrong type is damaged, and the field is named', () => {
  const whole = JSON.parse(golden('slot-v1.json').toString());
  const { pending: _, ...withoutPending } = whole;

  assert.match(
    throwsWith(() => decodeSlot(bytesOf(withoutPending), 'here'), 'dataLoss', 'SLOT_DAMAGED').message,
    /pending/,
  );
  assert.match(
    throwsWith(() => decodeSlot(bytesOf({ ...whole, epoch: '1' }), 'here'), 'dataLoss', 'SLOT_DAMAGED').message,
    /epoch/,
  );
  const [{ position: _position, ...split }] = whole.source.splits;
  const withoutPosition = { ...whole, source: { ...whole.source, splits: [split] } };
  assert.match(
    throwsWith(() => decodeSlot(bytesOf(withoutPosition), 'here'), 'dataLoss', 'SLOT_DAMAGED').message,
    /position/,
  );
});

test('a newer, a truncated and a foreign layout or marker are refused', async () => {
  const layoutKey = 'clicks/layout-000001.json';
  const read = (bytes: Uint8Array) =>
    readLayout(new MemoryStore({ objects: new Map([[layoutKey, bytes]]) }), 'clicks', {});
  const layout = JSON.parse(golden('layout-v1.json').toString());

  await failsWith(read(bytesOf({ ...layout, version: 2 })), 'config', 'LAYOUT_NEWER');
  await failsWith(read(golden('layout-v1.json').subarray(0, 50)), 'dataLoss', 'LAYOUT_DAMAGED');
  await failsWith(read(golden('slot-v1.json')), 'dataLoss', 'LAYOUT_DAMAGED');
  await failsWith(read(bytesOf({ ...layout, lineage: 7 })), 'dataLoss', 'LAYOUT_DAMAGED');
  const marked = new MemoryStore({ objects: new Map([['clicks.json', golden('layout-v1.json')]]) });
  await failsWith(readMarker(marked, 'clicks', {}), 'dataLoss', 'LAYOUT_DAMAGED');
});

test('of two layouts made at once the first counts for both', async () => {
  const store = new MemoryStore();

  const made = await Promise.all([
    makeLayout(store, layoutOf({ lineage: 'aaaaaaaaaaaaaaaa' }), {}),
    makeLayout(store, layoutOf({ lineage: 'bbbbbbbbbbbbbbbb' }), {}),
  ]);

  assert.deepEqual(
    made.map(({ lineage }) => lineage),
    ['aaaaaaaaaaaaaaaa', 'aaaaaaaaaaaaaaaa'],
  );
});

function textOf(store: MemoryStore, key: string): string {
  return Buffer.from(store.objects.get(key) as Uint8Array).toString();
}
