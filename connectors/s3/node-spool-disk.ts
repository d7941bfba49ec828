import * as fs from 'node:fs/promises';
import type { SpoolDisk } from './spool.ts';

/** The disk of this machine. */
export const nodeSpoolDisk: SpoolDisk = {
  makeDirectory: async (path) => {
    await fs.mkdir(path, { recursive: true });
  },
  createNameless: async (path) => {
    const handle = await fs.open(path, 'wx+', 0o600);
    try {
      await fs.unlink(path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return {
      write: async (bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
      read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
      close: () => handle.close(),
    };
  },
};
