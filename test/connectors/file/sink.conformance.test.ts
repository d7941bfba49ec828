import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { nodeFileSystem } from '../../../connectors/file/node-file-system.ts';
import { fileSettings } from '../../../connectors/file/settings.ts';
import { FileSink } from '../../../connectors/file/sink.ts';
import { sinkConformance } from '../../../testing/conformance/sink.ts';
import { fileSystemError, MemoryDisk } from '../../../testing/memory-disk.ts';
import { MemoryFileSystem } from '../../../testing/memory-file-system.ts';
import { testConformance } from '../../testing/conformance.ts';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';

const linesOf = (bytes: Buffer) => bytes.toString().split('\n').slice(0, -1);
const isHidden = (path: string) => path.split('/').some((name) => /^[._]/.test(name));
const settings = (path: string) => fileSettings.parse({ type: 'file', path });
const stayingOpen = (path: string) => fileSettings.parse({ type: 'file', path, roll: { onCheckpoint: false } });
const assuming = (path: string) => fileSettings.parse({ type: 'file', path, takenByReaders: 'assume' });

testConformance('file sink on this disk', sinkConformance, async (t) => {
  const directory = await temporaryDirectory(t);
  const root = join(directory, 'out');
  let isFull = false;
  const fs = {
    ...nodeFileSystem,
    create: async (path: string) => {
      if (isFull) throw fileSystemError('ENOSPC', path);
      return nodeFileSystem.create(path);
    },
  };
  const filesIn = async (path: string) => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
  };
  return {
    sink: new FileSink({ root, settings: settings(root), fs }),
    assumeTaken: new FileSink({ root, settings: assuming(root), fs }),
    staysOpen: new FileSink({ root, settings: stayingOpen(root), fs }),
    visible: async () => {
      const names = (await filesIn(root)).filter((name) => !isHidden(name));
      return new Map(
        await Promise.all(names.map(async (name) => [name, linesOf(await readFile(join(root, name)))] as const)),
      );
    },
    stagedCount: async () => (await filesIn(join(root, '.staging'))).length,
    takeAway: async (name: string) => {
      const target = join(directory, 'taken', name);
      await mkdir(dirname(target), { recursive: true });
      await rename(join(root, name), target);
    },
    fillUp: async () => {
      isFull = true;
    },
  };
});

testConformance('file sink on a disk that forgets', sinkConformance, () => {
  const root = '/data/out';
  let disk = new MemoryDisk();
  const fs = () => new MemoryFileSystem(disk);
  const sinkNow = () => new FileSink({ root, settings: settings(root), fs: fs() });
  return {
    get sink() {
      return sinkNow();
    },
    get staysOpen() {
      return new FileSink({ root, settings: stayingOpen(root), fs: fs() });
    },
    get assumeTaken() {
      return new FileSink({ root, settings: assuming(root), fs: fs() });
    },
    visible: async () =>
      new Map(
        [...disk.filesBelow(root)].filter(([name]) => !isHidden(name)).map(([name, bytes]) => [name, linesOf(bytes)]),
      ),
    stagedCount: async () => disk.filesBelow(join(root, '.staging')).size,
    takeAway: (name: string) => fs().unlink(join(root, name)),
    powerLoss: async () => {
      disk = disk.powerLoss();
    },
  };
});

testConformance(
  'file sink on a small disk',
  sinkConformance.filter(({ name }) => name.includes('full place')),
  () => {
    const root = '/data/out';
    const disk = new MemoryDisk({ capacityBytes: 400 });
    const fs = new MemoryFileSystem(disk);
    return {
      sink: new FileSink({ root, settings: settings(root), fs }),
      visible: async () =>
        new Map(
          [...disk.filesBelow(root)].filter(([name]) => !isHidden(name)).map(([name, bytes]) => [name, linesOf(bytes)]),
        ),
      stagedCount: async () => disk.filesBelow(join(root, '.staging')).size,
      // Ten times what is written before fits, ten times what is written after does not: the writes come back short.
      fillUp: async () => {},
    };
  },
);
