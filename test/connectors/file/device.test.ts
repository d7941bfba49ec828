import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Device, judgeLasting, judgeSpace } from '../../../connectors/file/device.ts';
import { fileStore } from '../../../connectors/file/index.ts';
import { nodeDevice } from '../../../connectors/file/node-device.ts';
import type { Finding } from '../../../core/contract/diagnosis.ts';
import { systemEnv } from '../../../core/runtime/system-env.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const GIB = 1024 ** 3;
const disk = (facts: Partial<Device>): Device => ({
  freeBytes: 50 * GIB,
  totalBytes: 100 * GIB,
  lasts: 'disk',
  ...facts,
});

test('less than 1 GiB or 5 % is a warning, more is said', () => {
  const level = (freeBytes: number, totalBytes: number) => judgeSpace(disk({ freeBytes, totalBytes }), '/d').level;

  assert.deepEqual(
    [level(GIB, 20 * GIB), level(GIB - 1, 2 * GIB), level(5 * GIB - 1, 100 * GIB), level(0, 0)],
    ['good', 'warning', 'warning', 'warning'],
  );
  assert.equal(judgeSpace(disk({}), '/d').what, '50 GiB of 100 GiB free (50 %) for /d');
});

test('memory and the layer of a container are warnings that say what follows', () => {
  assert.deepEqual(judgeLasting(disk({}), '/d', 'all is lost'), []);
  const [inMemory] = judgeLasting(disk({ lasts: 'memory' }), '/d', 'all is lost');
  assert.match(String(inMemory?.what), /^\/d is kept in memory .* machine restarts, and then all is lost$/);
  const [inContainer] = judgeLasting(disk({ lasts: 'container' }), '/d', 'all is lost');
  assert.match(String(inContainer?.help), /Mount a volume/);
});

test('a directory that is not there yet is judged by the nearest one above it', async (t) => {
  const directory = await temporaryDirectory(t);
  const { signal } = new AbortController();
  const context = { env: systemEnv(), signal, pipeline: 'p', checkpointIntervalMs: 1_000 };
  const findings: Finding[] = [];

  for await (const finding of fileStore({ path: `${directory}/a/b` }).diagnose?.(context) ?? []) findings.push(finding);

  assert.match(String(findings[0]?.what), /free \(\d+ %\) for .*\/a\/b$/);
  const { freeBytes, totalBytes } = await nodeDevice(directory);
  assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
});
