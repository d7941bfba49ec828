import { SluiceError } from '../../core/spi.ts';
import { parentOf } from './directories.ts';
import type { FileStatus } from './webhdfs/answers.ts';
import type { WebHdfs } from './webhdfs/client.ts';
import { isHdfsError } from './webhdfs/errors.ts';

export interface NeededDirectory {
  /** Absolute, without a slash at its end. It and those above it may not exist yet. */
  readonly path: string;
  /** Names it in messages, for example `sink.path`. */
  readonly setting: string;
  readonly client: WebHdfs;
}

/** The path, or the nearest directory above it that exists: it must take new names. Only looks. */
export async function requireUsable({ path, setting, client }: NeededDirectory, signal: AbortSignal): Promise<string> {
  let nearest = path;
  let status = await look(client, nearest, signal);
  while (status === undefined && nearest !== '/') {
    nearest = parentOf(nearest);
    status = await look(client, nearest, signal);
  }
  if (status?.kind !== 'directory')
    throw new SluiceError('config', 'HDFS_NOT_A_DIRECTORY', {
      message: `${setting}: hdfs:${path} cannot be a directory, because ${nearest} is something else`,
      help: 'Choose another path, or move that away.',
      details: { path, nearest },
    });
  if (await client.checkAccess(nearest, '-wx', { signal })) return nearest;
  throw new SluiceError('config', 'HDFS_ACCESS_DENIED', {
    message: `${setting}: this user may not write into hdfs:${nearest}`,
    help: 'Give the user w and x on this directory, or choose another path.',
    details: { path, nearest },
  });
}

async function look(client: WebHdfs, path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
  try {
    return await client.getFileStatus(path, { signal });
  } catch (error) {
    // A file above it: what stands in the way is found one step further up.
    if (isHdfsError(error, 'parentNotDirectory')) return undefined;
    throw error;
  }
}
