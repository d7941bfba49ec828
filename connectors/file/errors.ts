import { type ErrorKind, SluiceError } from '../../core/spi.ts';

/** What was being done to which path, for messages. */
export interface FileAction {
  /** Completes "could not ... <path>", for example `write`. */
  readonly doing: string;
  readonly path: string;
}

interface Meaning {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly help: string;
}

const NO_SPACE: Meaning = {
  kind: 'unavailable',
  code: 'FILE_NO_SPACE',
  help: 'Free space on this device. Nothing is lost: the run goes on from its last checkpoint.',
};
const NO_PERMISSION: Meaning = {
  kind: 'rejected',
  code: 'FILE_NO_PERMISSION',
  help: 'Let the user that runs this process read and write here.',
};
const BAD_PATH: Meaning = {
  kind: 'config',
  code: 'FILE_BAD_PATH',
  help: 'Every part of the path must be a directory that can be used.',
};
const AWAY: Meaning = {
  kind: 'unavailable',
  code: 'FILE_UNAVAILABLE',
  help: 'Look after the device, the mount or the limits of this process.',
};
const VANISHED: Meaning = {
  kind: 'unavailable',
  code: 'FILE_DIRECTORY_VANISHED',
  help: 'Find out what removes directories while they are in use. They are made again.',
};
const DEVICE_FAILED: Meaning = {
  kind: 'rejected',
  code: 'FILE_DEVICE_FAILED',
  help: 'The device or its file system failed. Look into the system log before going on.',
};
const REFUSED: Meaning = { kind: 'rejected', code: 'FILE_REFUSED', help: 'The cause says why.' };

const MEANINGS: Record<string, Meaning> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EROFS: NO_PERMISSION,
  ENOTDIR: BAD_PATH,
  EISDIR: BAD_PATH,
  ELOOP: BAD_PATH,
  ENAMETOOLONG: BAD_PATH,
  ENOENT: VANISHED,
  EMFILE: AWAY,
  ENFILE: AWAY,
  ENOMEM: AWAY,
  EAGAIN: AWAY,
  EBUSY: AWAY,
  ESTALE: AWAY,
  ETIMEDOUT: AWAY,
  ENODEV: AWAY,
  ENXIO: AWAY,
  EIO: DEVICE_FAILED,
};

/** Gives an error of the operating system its kind: a full disk is waited for, a failed device is not. */
export function toFileError(cause: unknown, { doing, path }: FileAction): SluiceError {
  if (cause instanceof SluiceError) return cause;
  const errno = errorCode(cause);
  const { kind, code, help } = (errno === undefined ? undefined : MEANINGS[errno]) ?? REFUSED;
  return new SluiceError(kind, code, {
    message: `could not ${doing} ${path}: ${describe(errno, cause)}`,
    help,
    details: { path, doing, errno },
    cause,
  });
}

/** Runs one call and gives its error a kind. */
export async function withFileErrors<T>(action: FileAction, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toFileError(error, action);
  }
}

export function isErrorCode(error: unknown, ...codes: string[]): boolean {
  const code = errorCode(error);
  return code !== undefined && codes.includes(code);
}

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code;
}

const SENTENCES: Record<string, string> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'its directory is gone',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
  EIO: 'input/output error',
};

function describe(errno: string | undefined, cause: unknown): string {
  if (errno === undefined) return String(cause);
  const sentence = SENTENCES[errno];
  return sentence === undefined ? errno : `${sentence} (${errno})`;
}
