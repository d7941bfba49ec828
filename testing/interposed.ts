import type { FileSystem, OpenFile } from '../connectors/file/file-system.ts';
import type { SpoolDisk, SpoolFile } from '../connectors/s3/spool.ts';
import type { Store } from '../core/contract/store.ts';

/** Stands between a caller and a port: decides when and whether `effect` happens, and whether its answer comes back. */
export type Interpose = <T>(label: string, effect: () => Promise<T>) => Promise<T>;

/** Every call of a file system and of its open files passes `call`, with a label such as `fs.rename /a /b`. */
export function interposedFileSystem(fs: FileSystem, call: Interpose): FileSystem {
  const through = <K extends Exclude<keyof FileSystem, 'create' | 'readRange'>>(verb: K): FileSystem[K] =>
    ((...paths: [string, string]) =>
      call(`fs.${verb} ${paths.join(' ')}`, () =>
        (fs[verb] as (...all: string[]) => Promise<unknown>)(...paths),
      )) as FileSystem[K];
  return {
    create: async (path) => interposedFile(await call(`fs.create ${path}`, () => fs.create(path)), path, call),
    read: through('read'),
    readRange: (path, range) => call(`fs.readRange ${path} ${range.from}`, () => fs.readRange(path, range)),
    mkdir: through('mkdir'),
    readdir: through('readdir'),
    stat: through('stat'),
    lstat: through('lstat'),
    rename: through('rename'),
    link: through('link'),
    unlink: through('unlink'),
    syncDirectory: through('syncDirectory'),
    requireWritable: through('requireWritable'),
  };
}

function interposedFile(file: OpenFile, path: string, call: Interpose): OpenFile {
  return {
    write: (chunks) => call(`file.write ${path}`, () => file.write(chunks)),
    sync: () => call(`file.sync ${path}`, () => file.sync()),
    close: () => call(`file.close ${path}`, () => file.close()),
  };
}

/** Every call of a spool's disk and of its files passes `call`, with a label such as `spool.read /spool/sluice-1f`. */
export function interposedSpoolDisk(disk: SpoolDisk, call: Interpose): SpoolDisk {
  return {
    makeDirectory: (path) => call(`spool.makeDirectory ${path}`, () => disk.makeDirectory(path)),
    createNameless: async (path) => {
      const file = await call(`spool.create ${path}`, () => disk.createNameless(path));
      return interposedSpoolFile(file, path, call);
    },
  };
}

function interposedSpoolFile(file: SpoolFile, path: string, call: Interpose): SpoolFile {
  return {
    write: (bytes, position) => call(`spool.write ${path}`, () => file.write(bytes, position)),
    read: (into, position) => call(`spool.read ${path}`, () => file.read(into, position)),
    close: () => call(`spool.close ${path}`, () => file.close()),
  };
}

/** Every call of a store passes `call`, with a label such as `store.list clicks/000001/`. */
export function interposedStore(store: Store, call: Interpose): Store {
  return {
    identity: store.identity,
    createIfAbsent: (key, bytes, options) => {
      // Copied at once: the caller may use its memory again while a slow call is on its way.
      const copy = Uint8Array.from(bytes);
      return call(`store.create ${key}`, () => store.createIfAbsent(key, copy, options));
    },
    get: (key, options) => call(`store.get ${key}`, () => store.get(key, options)),
    list: (prefix, startAfter, options) => call(`store.list ${prefix}`, () => store.list(prefix, startAfter, options)),
    delete: (key, options) => call(`store.delete ${key}`, () => store.delete(key, options)),
  };
}
