import { type HdfsHandle, hdfs, hdfsStore } from '../../connectors/hdfs/index.ts';
import { type S3Handle, s3, s3Store } from '../../connectors/s3/index.ts';
import type { Sink, Store } from '../../core/spi.ts';
import type { HdfsTarget } from '../hdfs.ts';
import { connectionOf, type S3Target } from '../s3.ts';

/** Where files and checkpoints go, as the measured program is told of it. */
export type Target = ({ kind: 's3'; prefix: string } & S3Target) | ({ kind: 'hdfs' } & HdfsTarget);

type Handle = S3Handle | HdfsHandle;

export interface Ends {
  readonly sink: Sink<Handle>;
  readonly store: Store;
}

/** `rollRecords` closes a file after so many records. */
export function endsOf(target: Target, rollRecords: number | undefined): Ends {
  const files = { format: 'ndjson' as const, ...(rollRecords === undefined ? {} : { roll: { records: rollRecords } }) };
  if (target.kind === 's3') {
    const connection = connectionOf(target);
    const sink = s3({ ...connection, prefix: target.prefix, ...files }) as Sink<Handle>;
    return { sink, store: s3Store({ ...connection, prefix: '_sluice' }) };
  }
  const { urls, user, path } = target;
  const sink = hdfs({ urls, user, path: `${path}/files`, ...files }) as Sink<Handle>;
  return { sink, store: hdfsStore({ urls, user, path: `${path}/_sluice` }) };
}

/** What one staged file has alone. */
export function nameOf(handle: Handle): string {
  return 'uploadId' in handle ? handle.uploadId : handle.staged;
}
