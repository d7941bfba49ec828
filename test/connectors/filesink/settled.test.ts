import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartNames } from '../../../connectors/filesink/part-name.ts';
import { Settled } from '../../../connectors/filesink/settled.ts';
import { OWNER } from '../../../testing/conformance/sink-run.ts';

test('a name is settled once the cut after the first one that may have named it begins', () => {
  const names = new PartNames({ ...OWNER, epoch: 1 });
  const settled = new Settled(names);
  const give = (count: number) => {
    for (let i = 0; i < count; i++) names.next('journal');
  };

  give(2);
  settled.cutBegins();
  assert.equal(settled.below, 0);
  // For this cut or the next one: who can tell?
  give(3);
  settled.cutBegins();
  assert.equal(settled.below, 2);
  settled.cutBegins();
  assert.equal(settled.below, 5);
});
