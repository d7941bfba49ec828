import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { OutputListing, OutputRoot } from '../../testing/ledger/index.ts';
import { sharedS3 } from '../services/s3.ts';
import { S3Bucket } from '../services/s3-bucket.ts';
import type { S3Server } from '../services/s3-server.ts';
import { waitFor } from '../services/wait.ts';

/** What a test looks at in a slot. */
export interface SlotSeen {
  seq: number;
  kind: string;
  pending: unknown[];
  sinks: { main: { state: { value: unknown }[] } };
  epoch: number;
  owner: { pid: number };
}

/** Where a pipeline keeps its output and its checkpoints, and what a test can see of that. */
export interface Place {
  /** The pipeline that writes there. */
  readonly pipeline: string;
  /** The values of `sink` and `checkpoints.store` in the pipeline file. */
  readonly sink: string;
  readonly store: string;
  /** What a reader reads. */
  readonly output: OutputRoot;
  /** How often a reader looks. */
  readonly watchEveryMs: number;
  /** Resolves as soon as a slot is made or removed, or something is staged or no longer staged. */
  change(of: 'slots' | 'staged', withinMs: number): Promise<void>;
  newestSlot(): Promise<SlotSeen>;
  /** What is staged, by whatever name it has there. */
  staged(): Promise<string[]>;
  end(): Promise<void>;
}

/** Folders beside the pipeline file. */
export class FolderPlace implements Place {
  readonly pipeline = 'clicks';
  readonly sink: string;
  readonly store = '{ type: file, path: ./.sluice }';
  readonly output: string;
  readonly watchEveryMs = 20;
  readonly #folder: string;

  /** `sink` is of further keys, as they stand in the file. */
  constructor(folder: string, sink = '') {
    this.#folder = folder;
    this.output = join(folder, 'out');
    this.sink = `{ type: file, path: ./out, format: ndjson${sink} }`;
  }

  async change(of: 'slots' | 'staged', withinMs: number): Promise<void> {
    const path = of === 'slots' ? '.sluice/clicks/000001/0000' : 'out/.staging';
    const watcher = watch(join(this.#folder, path));
    try {
      await once(watcher, 'change', { signal: AbortSignal.timeout(withinMs) });
    } finally {
      watcher.close();
    }
  }

  async newestSlot(): Promise<SlotSeen> {
    return JSON.parse(readFileSync(newestSlotOf(this.#checkpoints()), 'utf8'));
  }

  /** What is staged and stands in no retained slot. */
  async unnamed(): Promise<string[]> {
    const slots = this.#checkpoints().map((path) => readFileSync(path, 'utf8'));
    return (await this.staged()).filter((name) => !slots.some((slot) => slot.includes(name)));
  }

  async staged(): Promise<string[]> {
    const folder = join(this.output, '.staging');
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  async end(): Promise<void> {} // the folder goes with the scene

  #checkpoints(): string[] {
    const below = join(this.#folder, '.sluice');
    const paths = readdirSync(below, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));
    return paths.map((path) => join(below, path));
  }
}

/** A bucket: of its own on the shared server, or on one that the test may kill. */
export class S3Place implements Place {
  readonly pipeline: string;
  readonly sink: string;
  readonly store: string;
  readonly output: OutputRoot;
  readonly watchEveryMs = 100;
  readonly bucket: S3Bucket;
  /** Otherwise nothing ever seems to be staged. */
  readonly listsUploads: boolean;
  readonly #end: () => Promise<void>;

  private constructor(
    bucket: S3Bucket,
    listsUploads: boolean,
    pipeline: string,
    { keys = '', end = async () => {} }: { keys?: string; end?: () => Promise<void> } = {},
  ) {
    this.listsUploads = listsUploads;
    this.pipeline = pipeline;
    this.bucket = bucket;
    this.#end = end;
    const { endpoint, accessKeyId, secretAccessKey } = bucket.place;
    const credentials = `credentials: { accessKeyId: ${accessKeyId}, secretAccessKey: ${secretAccessKey} }`;
    const where = `bucket: ${bucket.name}, region: us-east-1, endpoint: "${endpoint}", pathStyle: true, ${credentials}`;
    this.sink = `{ type: s3, prefix: raw/clicks, format: ndjson, ${where}${keys} }`;
    this.store = `{ type: s3, prefix: _sluice, ${where} }`;
    this.output = filesOf(pipeline, bucket.output('raw/clicks'));
  }

  /** `keys` are further ones of the sink, as they stand in the file, with a comma in front. */
  static async make(server?: S3Server, keys?: string): Promise<S3Place> {
    const bucket = await S3Bucket.create(server ?? sharedS3(), `sluice-test-${randomUUID().slice(0, 13)}`);
    const end = () => server?.stop() ?? bucket.remove();
    return new S3Place(bucket, await bucket.listsUploads(), 'clicks', { end, ...(keys !== undefined && { keys }) });
  }

  /** For another pipeline with the same bucket, sink prefix and store, which ends with this one. */
  beside(pipeline: string): S3Place {
    return new S3Place(this.bucket, this.listsUploads, pipeline);
  }

  async change(of: 'slots' | 'staged', withinMs: number): Promise<void> {
    // What is staged is named by the next slot, so where nobody sees it, that one has to do.
    const look = async () =>
      JSON.stringify(
        of === 'slots' || !this.listsUploads
          ? await this.bucket.keys(`_sluice/${this.pipeline}/`)
          : await this.staged(),
      );
    const before = await look();
    await waitFor(async () => (await look()) !== before, {
      what: `a change of ${of}`,
      timeoutMs: withinMs,
      everyMs: 1,
    });
  }

  async newestSlot(): Promise<SlotSeen> {
    return JSON.parse(await this.bucket.text(newestSlotOf(await this.bucket.keys(`_sluice/${this.pipeline}/`))));
  }

  async staged(): Promise<string[]> {
    return (await this.bucket.uploads('raw/')).map(({ key, uploadId }) => `${key} ${uploadId}`);
  }

  end(): Promise<void> {
    return this.#end();
  }
}

/** The path of the newest slot among those of one shard. */
export function newestSlotOf(paths: string[]): string {
  const newest = paths
    .filter((path) => /\/\d{12}\.json$/.test(path))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error(`no slot among ${paths}`);
  return newest;
}

/** What one of several pipelines wrote below a root, by the names of the files. */
function filesOf(pipeline: string, output: OutputListing): OutputListing {
  const isOurs = (path: string) => path.slice(path.lastIndexOf('/') + 1).startsWith(`${pipeline}-`);
  return {
    list: async () => (await output.list()).filter(isOurs),
    look: async () => (await output.look()).filter(({ path }) => isOurs(path)),
    read: (path) => output.read(path),
  };
}
