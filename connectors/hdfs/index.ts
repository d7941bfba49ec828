import { z } from 'zod';
import { systemEnv } from '../../core/spi.ts';
import { checkHdfsConnection, hdfsConnectionSettings } from './settings.ts';
import type { CallsEnv } from './webhdfs/calls.ts';
import { WebHdfs } from './webhdfs/client.ts';
import { NodeWire } from './webhdfs/node-wire.ts';
import { negotiateByKerberos } from './webhdfs/spnego.ts';

export type { ContentSummary, FileStatus } from './webhdfs/answers.ts';
export type { AccessMode, CreateOptions, HdfsBody, RangeOptions, WebHdfs } from './webhdfs/client.ts';
export { HdfsError, type HdfsReason, isHdfsError } from './webhdfs/errors.ts';

const connection = z.strictObject(hdfsConnectionSettings).superRefine(checkHdfsConnection);

/** How to reach a cluster, and as whom: the same keys as in YAML. */
export type WebHdfsOptions = z.input<typeof connection>;

/** A client of HDFS. Throws what zod throws for settings that are wrong; connects with the first call. */
export function webHdfs(options: WebHdfsOptions, env: CallsEnv = systemEnv()): WebHdfs {
  const wire = new NodeWire({ timers: env.timers });
  return new WebHdfs({ settings: connection.parse(options), wire, env, negotiate: negotiateByKerberos });
}
