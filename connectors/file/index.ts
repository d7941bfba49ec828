import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Connector, Sink, Store } from '../../core/spi.ts';
import type { FileHandle } from './handle.ts';
import { nodeDevice } from './node-device.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { fileSettings, fileStoreSettings } from './settings.ts';
import { FileSink, type FileSinkSettings } from './sink.ts';
import { FileStore } from './store.ts';

export type { FileHandle } from './handle.ts';

/** The keys of `sink` in YAML, without `type`. */
export type FileOptions = Omit<z.input<typeof fileSettings>, 'type'>;
/** The keys of `checkpoints.store` in YAML, without `type`. */
export type FileStoreOptions = Omit<z.input<typeof fileStoreSettings>, 'type'>;

const thisMachine = { fs: nodeFileSystem, readDevice: nodeDevice };

/** Files in a directory as the sink of a pipeline. Throws what zod throws for settings that are wrong. */
export function file(options: FileOptions): Sink<FileHandle> {
  return fileSink(fileSettings.parse({ type: 'file', ...options }), process.cwd());
}

/** A directory for checkpoints. Throws what zod throws for settings that are wrong. */
export function fileStore(options: FileStoreOptions): Store {
  const { path } = fileStoreSettings.parse({ type: 'file', ...options });
  return new FileStore({ root: resolve(path), ...thisMachine });
}

function fileSink(settings: FileSinkSettings, baseDir: string): Sink<FileHandle> {
  return new FileSink({ root: resolve(baseDir, settings.path), settings, ...thisMachine });
}

export const connector: Connector = {
  type: 'file',
  sink: {
    settings: fileSettings,
    create: (settings, { baseDir }) => fileSink(settings as FileSinkSettings, baseDir),
  },
  store: {
    settings: fileStoreSettings,
    create: (settings, { baseDir }) =>
      new FileStore({
        root: resolve(baseDir, (settings as z.output<typeof fileStoreSettings>).path),
        ...thisMachine,
      }),
  },
};
