import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FileGone, type FileState, isHidden, type OutputListing } from './output.ts';

const chunkBytes = 1024 * 1024;

/** An output in a folder. One that does not exist yet is empty. */
export class FolderOutput implements OutputListing {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async list(): Promise<string[]> {
    const paths: string[] = [];
    await this.#walk('', paths);
    return paths;
  }

  async look(): Promise<FileState[]> {
    const files: FileState[] = [];
    for (const path of await this.list()) {
      const found = await unlessGone(() => stat(join(this.#root, path)));
      if (found !== undefined) files.push({ path, bytes: found.size, version: String(found.mtimeMs) });
    }
    return files;
  }

  async *read(path: string): AsyncGenerator<Buffer> {
    const file = await unlessGone(() => open(join(this.#root, path)));
    if (file === undefined) throw new FileGone(`${path} is gone`);
    try {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, chunkBytes, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async #walk(below: string, paths: string[]): Promise<void> {
    const folder = join(this.#root, below);
    const entries = (await unlessGone<Dirent[]>(() => readdir(folder, { withFileTypes: true }))) ?? [];
    for (const entry of entries) {
      if (isHidden(entry.name)) continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await this.#walk(path, paths);
      else paths.push(path);
    }
  }
}

async function unlessGone<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // files may be moved away while we look
    throw error;
  }
}
