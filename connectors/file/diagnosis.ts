import { dirname } from 'node:path';
import type { Finding } from '../../core/spi.ts';
import { judgeLasting, judgeSpace, type ReadDevice } from './device.ts';
import { withFileErrors } from './errors.ts';
import type { FileSystem } from './file-system.ts';

export interface DiagnosedDirectory {
  /** May not exist yet: then the nearest directory above it is looked at. */
  readonly root: string;
  readonly fs: FileSystem;
  /** Without it nothing is known of devices. */
  readonly readDevice: ReadDevice | undefined;
  /** What follows when the directory is gone. */
  readonly loss: string;
}

/** Room, and whether what is written there lasts. */
export async function* diagnoseDirectory(directory: DiagnosedDirectory): AsyncGenerator<Finding> {
  const { root, fs, readDevice, loss } = directory;
  if (readDevice === undefined) return;
  const nearest = await nearestExisting(root, fs);
  const device = await withFileErrors({ doing: 'look at', path: nearest }, () => readDevice(nearest));
  yield judgeSpace(device, root);
  yield* judgeLasting(device, root, loss);
}

/** The path, or the nearest above it that exists. */
async function nearestExisting(path: string, fs: FileSystem): Promise<string> {
  const status = await withFileErrors({ doing: 'look at', path }, () => fs.stat(path));
  return status !== undefined || dirname(path) === path ? path : await nearestExisting(dirname(path), fs);
}
