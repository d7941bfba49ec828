import type { DiagnosisContext, Finding } from '../../core/spi.ts';
import { parentOf } from './directories.ts';
import { judgeClock, judgeQuota, judgeRenames } from './judgements.ts';
import { requireUsable } from './usable.ts';
import type { CreateOptions, WebHdfs } from './webhdfs/client.ts';
import { isHdfsError } from './webhdfs/errors.ts';

export interface DiagnosedDirectory {
  /** Absolute, without a slash at its end. May not exist yet. */
  readonly root: string;
  /** The directory in it where files are written before they have their name. */
  readonly temporary: string;
  /** Names the root in messages. */
  readonly setting: string;
  readonly client: WebHdfs;
  /** How files are kept, which the cluster may refuse. */
  readonly kept?: Pick<CreateOptions, 'permission' | 'replication'>;
}

/** A file of our own, under names that neither a part nor a slot can have. */
interface Probe {
  readonly path: string;
  readonly renamed: string;
  /** What would come about on the way to it, the deepest first. */
  readonly missing: readonly string[];
}

const CONTENT = Buffer.from('probe\n');

/** What a run needs to write below a path, tried with one small file that is gone afterwards. What is thrown ends it. */
export async function* diagnoseDirectory(
  directory: DiagnosedDirectory,
  context: DiagnosisContext,
): AsyncGenerator<Finding> {
  const { root, temporary, setting, client } = directory;
  const { env, signal } = context;
  const needed = { setting, client };
  const isThere = (await requireUsable({ ...needed, path: root }, signal)) === root;
  const nearest = await requireUsable({ ...needed, path: `${root}/${temporary}` }, signal);
  yield { level: 'good', what: `${client.url} answers, and this user may write into hdfs:${nearest}` };
  yield await quotaOf(directory, isThere, signal);
  const refusal = await safeModeOf(nearest, client, signal);
  if (refusal !== undefined) return yield refusal;
  const path = `${root}/${temporary}/doctor-${env.ids.hex(8)}.probe`;
  yield* tryProbe({ path, renamed: `${path}d`, missing: missingBetween(parentOf(path), nearest) }, directory, context);
}

async function* tryProbe(
  probe: Probe,
  { client, kept }: DiagnosedDirectory,
  { env, signal }: DiagnosisContext,
): AsyncGenerator<Finding> {
  const { path, renamed } = probe;
  try {
    const begunMs = env.clock.nowMs();
    await client.create(path, CONTENT, { ...kept, signal });
    const endedMs = env.clock.nowMs();
    const content = await client.read(path, { signal });
    yield judgeContent(content, path);
    const status = await client.getFileStatus(path, { signal });
    if (status !== undefined) yield judgeClock(status.modifiedAtMs, { begunMs, endedMs });
    await client.rename(path, renamed, { signal });
    yield judgeRenames(client.server);
  } finally {
    // Called off or not: it is not to stay.
    yield* remove(probe, client);
  }
}

/** Nothing, or what is left. */
async function* remove({ path, renamed, missing }: Probe, client: WebHdfs): AsyncGenerator<Finding> {
  try {
    for (const file of [path, renamed]) await client.delete(file);
    for (const directory of missing) await client.delete(directory);
  } catch (error) {
    // Somebody else has begun to use what we have made.
    if (isHdfsError(error, 'notEmpty')) return;
    yield {
      level: 'warning',
      what: `the file that was tried may be left: ${error instanceof Error ? error.message : String(error)}`,
      help: `Remove ${path} or ${renamed} by hand. No run reads them.`,
    };
  }
}

/** Undefined when changes are taken: a directory that exists is made again, which changes nothing. */
async function safeModeOf(nearest: string, client: WebHdfs, signal: AbortSignal): Promise<Finding | undefined> {
  try {
    await client.mkdirs(nearest, { signal });
    return undefined;
  } catch (error) {
    if (!isHdfsError(error, 'safeMode')) throw error;
    return { level: 'problem', what: `${client.url} is in safe mode: nothing can be written`, help: error.help };
  }
}

/** Asked of the path itself only: directories above it may hold so much that the sum keeps the NameNode busy. */
async function quotaOf({ root, client }: DiagnosedDirectory, isThere: boolean, signal: AbortSignal): Promise<Finding> {
  if (!isThere) return { level: 'note', what: `hdfs:${root} does not exist yet, so that it has no quota of its own` };
  try {
    return judgeQuota(await client.getContentSummary(root, { signal }), root);
  } catch (error) {
    if (!isHdfsError(error, 'denied')) throw error;
    return {
      level: 'note',
      what: `the quota of hdfs:${root} cannot be read, so nothing is known of it`,
      help: 'To have it looked at, give the user r and x on all directories below.',
    };
  }
}

function judgeContent(content: Buffer, path: string): Finding {
  if (content.equals(CONTENT)) return { level: 'good', what: 'DataNodes can be written to and read from here' };
  return {
    level: 'problem',
    what: `${path} has other bytes than were written: ${content.length} instead of ${CONTENT.length}`,
    help: 'Find out what stands between this host and the DataNodes, such as a proxy.',
  };
}

function missingBetween(path: string, nearest: string): string[] {
  const missing = [];
  for (let at = path; at !== nearest; at = parentOf(at)) missing.push(at);
  return missing;
}
