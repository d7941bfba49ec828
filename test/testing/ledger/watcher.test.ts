import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { encodeRecord, Ledger, OutputWatcher } from '../../../testing/ledger/index.ts';
import { waitFor } from '../../services/wait.ts';

const name = (epoch: number, counter: number) =>
  `clicks-00112233445566aa-l1s0-${String(epoch).padStart(12, '0')}-${String(counter).padStart(8, '0')}.ndjson`;

function line(sequence: number): string {
  return `${encodeRecord({ topic: 'clicks', partition: 0, sequence, planned: 'commit' }, 90)}\n`;
}

/** A watcher of an empty folder, and a way to wait until it has seen a file twice more. */
function watched(t: TestContext, ledger = new Ledger()) {
  const root = mkdtempSync(join(tmpdir(), 'sluice-watch-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const seen: string[] = [];
  const watcher = new OutputWatcher({ root, ledger, everyMs: 2, onFile: (path) => seen.push(path) });
  t.after(() => watcher.stop());
  return {
    root,
    watcher,
    seeing: async (file: string, content: string) => {
      writeFileSync(join(root, `.${file}`), content);
      renameSync(join(root, `.${file}`), join(root, file));
      const polls = watcher.polls;
      await waitFor(() => seen.includes(file) && watcher.polls >= polls + 3, {
        what: `the watcher sees ${file}`,
        everyMs: 1,
      });
    },
  };
}

test('files that appear whole and stay as they are give no finding', async (t) => {
  const { watcher, seeing } = watched(t);
  await seeing(name(1, 1), line(0));
  await seeing(name(1, 2), line(1));
  await seeing(name(5, 1), line(2));

  assert.deepEqual(await watcher.stop(), { early: 0, changed: 0, vanished: 0, zombie: 0, findings: [] });
});

test('a file that grows after it was seen has changed', async (t) => {
  const { root, watcher, seeing } = watched(t);
  await seeing(name(1, 1), line(0));

  appendFileSync(join(root, name(1, 1)), line(1));

  const report = await watcher.stop();
  assert.ok(report.changed > 0);
  assert.match(report.findings.join(), /-00000001\.ndjson had 91 bytes/);
});

test('other content of the same size and time has changed', async (t) => {
  const { root, watcher, seeing } = watched(t);
  const { utimesSync } = await import('node:fs');
  const time = new Date(1_700_000_000_000);
  writeFileSync(join(root, '.x'), line(0));
  utimesSync(join(root, '.x'), time, time);
  renameSync(join(root, '.x'), join(root, name(1, 1)));
  await seeing(name(1, 2), line(1));

  writeFileSync(join(root, '.y'), line(7));
  utimesSync(join(root, '.y'), time, time);
  renameSync(join(root, '.y'), join(root, name(1, 1)));

  assert.match((await watcher.stop()).findings.join(), /-00000001\.ndjson has other content/);
});

test('a file that goes has vanished', async (t) => {
  const { root, watcher, seeing } = watched(t);
  await seeing(name(1, 1), line(0));

  rmSync(join(root, name(1, 1)));

  assert.equal((await watcher.stop()).vanished, 1);
});

test('a record seen before its transaction is committed is early; after it, or a plain one, it is not', async (t) => {
  const ledger = new Ledger();
  const [plain, open] = [ledger.begin('plain'), ledger.begin('transaction')];
  ledger.take('clicks', 0, 1, plain);
  ledger.take('clicks', 0, 2, open);
  const { watcher, seeing } = watched(t, ledger);

  await seeing(name(1, 1), line(0));
  await seeing(name(1, 2), line(1));
  open.outcome = 'committing';
  await seeing(name(1, 3), line(2));

  const report = await watcher.stop();
  assert.equal(report.early, 1);
  assert.match(report.findings.join(), /-00000002\.ndjson shows 1 records of open transactions/);
});

test('a file of an older incarnation that comes after a newer one is a zombie', async (t) => {
  const { watcher, seeing } = watched(t);
  await seeing(name(1, 1), line(0));
  await seeing(name(5, 1), line(1));

  await seeing(name(1, 2), line(2));

  const report = await watcher.stop();
  assert.equal(report.zombie, 1);
  assert.match(report.findings.join(), /appeared after files of epoch 5/);
});
