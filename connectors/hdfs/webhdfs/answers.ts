import { z } from 'zod';

/** A file or directory as the NameNode knows it. */
export interface FileStatus {
  /** Its name in its directory; empty where it was asked for by its own path. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Of a file that is being written: what the NameNode has heard of, often 0. */
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** 0 where the cluster keeps no access times, and of directories. */
  readonly accessedAtMs: number;
  readonly owner: string;
  readonly group: string;
  /** Octal, for example `755`. */
  readonly permission: string;
  readonly replication: number;
  readonly blockBytes: number;
}

export interface ContentSummary {
  readonly directories: number;
  readonly files: number;
  readonly bytes: number;
  /** With all replicas. */
  readonly storedBytes: number;
  /** Of files and directories together; undefined without a quota. */
  readonly quotaNames: number | undefined;
  /** Of `storedBytes`; undefined without a quota. */
  readonly quotaBytes: number | undefined;
}

const KINDS = { FILE: 'file', DIRECTORY: 'directory', SYMLINK: 'symlink' } as const;

const fileStatus = z
  .object({
    pathSuffix: z.string(),
    type: z.enum(['FILE', 'DIRECTORY', 'SYMLINK']),
    length: z.number(),
    modificationTime: z.number(),
    accessTime: z.number(),
    owner: z.string(),
    group: z.string(),
    permission: z.string(),
    replication: z.number(),
    blockSize: z.number(),
  })
  .transform(
    (status): FileStatus => ({
      name: status.pathSuffix,
      kind: KINDS[status.type],
      bytes: status.length,
      modifiedAtMs: status.modificationTime,
      accessedAtMs: status.accessTime,
      owner: status.owner,
      group: status.group,
      permission: status.permission,
      replication: status.replication,
      blockBytes: status.blockSize,
    }),
  );

const fileStatuses = z.object({ FileStatuses: z.object({ FileStatus: z.array(fileStatus) }) });

const quota = z
  .number()
  .optional()
  .transform((n) => (n === undefined || n < 0 ? undefined : n));

/** What the NameNode answers to each operation that is not empty. */
export const ANSWERS = {
  boolean: z.object({ boolean: z.boolean() }).transform((answer) => answer.boolean),
  fileStatus: z.object({ FileStatus: fileStatus }).transform((answer) => answer.FileStatus),
  listing: fileStatuses.transform((answer) => answer.FileStatuses.FileStatus),
  batch: z
    .object({ DirectoryListing: z.object({ partialListing: fileStatuses, remainingEntries: z.number() }) })
    .transform(({ DirectoryListing: { partialListing, remainingEntries } }) => ({
      entries: partialListing.FileStatuses.FileStatus,
      hasMore: remainingEntries > 0,
    })),
  contentSummary: z
    .object({
      ContentSummary: z.object({
        ...{ directoryCount: z.number(), fileCount: z.number(), length: z.number(), spaceConsumed: z.number() },
        ...{ quota, spaceQuota: quota },
      }),
    })
    .transform(
      ({ ContentSummary: summary }): ContentSummary => ({
        directories: summary.directoryCount,
        files: summary.fileCount,
        bytes: summary.length,
        storedBytes: summary.spaceConsumed,
        quotaNames: summary.quota,
        quotaBytes: summary.spaceQuota,
      }),
    ),
  /** Undefined where the cluster believes names and needs no tokens. */
  token: z
    .object({ Token: z.object({ urlString: z.string().min(1) }).nullable() })
    .transform((answer) => answer.Token?.urlString),
  /** Of what has nothing to say. */
  nothing: z.undefined(),
  /** Strictly: nothing. By a server that does not know the option: whether it has. */
  renamed: z.union([z.undefined(), z.object({ boolean: z.boolean() })]).transform((answer) => answer?.boolean),
  time: z.object({ long: z.number() }).transform((answer) => answer.long),
} as const;
