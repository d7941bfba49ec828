import type { z } from 'zod';
import type {
  CheckContext,
  DiagnosisContext,
  Env,
  Finding,
  Named,
  OrphanListing,
  OrphanScope,
  Sink,
  SinkContext,
  SinkSession,
  Store,
  WriterEvents,
} from '../../core/spi.ts';
import { type FinishOptions, finishParts } from '../filesink/open-state.ts';
import { openPartWriter, type WriterTuning } from '../filesink/open-writer.ts';
import { PartNames } from '../filesink/part-name.ts';
import { S3Committer } from './committer.ts';
import { diagnoseSink } from './diagnosis.ts';
import { asStartError } from './errors.ts';
import { UploadFinisher } from './finish.ts';
import { type S3Handle, s3Handles } from './handle.ts';
import { type OpenUpload, type OpenUploadState, openUploadStates } from './open-upload.ts';
import { Orphans, uploadsOf } from './orphans.ts';
import { PartMemory } from './part-memory.ts';
import { Retrier } from './retry.ts';
import type { ObjectAttributes, S3Api } from './s3-api.ts';
import type { s3Settings } from './settings.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import { identityOf, S3Store } from './store.ts';
import { Tails } from './tails.ts';
import { Uploads } from './upload.ts';

const MISSING_MS = 60_000;
/** Parts have three quarters of the memory, what the source has read needs some, too. */
const GATHER_SHARE = 1 / 16;

const HANDLE_KIND = 'file';
const FINISHING: FinishOptions<OpenUpload> = {
  handleKind: HANDLE_KIND,
  inParallel: 16,
  // The pieces, and what is sent of them.
  memoryFor: ({ tail, journal = [] }) => 2 * [...tail, ...journal].reduce((sum, { bytes }) => sum + bytes, 0),
};

export type S3SinkSettings = z.output<typeof s3Settings>;

export interface S3SinkOptions {
  readonly settings: S3SinkSettings;
  readonly api: S3Api;
  /** How long a file must be nowhere before it is lost: the store may be putting it together. One minute. */
  readonly missingMs?: number;
  /** For simulations. */
  readonly tuning?: WriterTuning | undefined;
  /** Where parts wait that memory is short of: `settings.spool`, and the disk it is on. */
  readonly spool?: Omit<SpoolOptions, 'ids'> | undefined;
}

/** Files as objects: staged as multipart uploads, made visible by completing them. */
export class S3Sink implements Sink<S3Handle, OpenUploadState> {
  readonly type = 's3';
  readonly identity: string;
  readonly handles = s3Handles;
  readonly states = openUploadStates;
  readonly #options: S3SinkOptions;
  /** Ends with a slash, unless empty. */
  readonly #root: string;

  constructor(options: S3SinkOptions) {
    const { bucket, prefix } = options.settings;
    this.#options = options;
    this.#root = prefix === '' ? '' : `${prefix}/`;
    this.identity = identityOf(bucket, prefix);
  }

  rootStore(_env: Env): Store {
    const { settings, api } = this.#options;
    return new S3Store({ bucket: settings.bucket, prefix: `${this.#root}_sluice`, api });
  }

  /** Only looks, and only below the prefix, so that a policy limited to it is enough. Makes the spool's directory. */
  async check({ env, signal }: CheckContext): Promise<void> {
    const { settings, api } = this.#options;
    await this.#spool(env)?.check();
    try {
      await api.listKeys({ bucket: settings.bucket, prefix: this.#root, keysMax: 1 }, { signal });
    } catch (error) {
      throw asStartError(error);
    }
  }

  async *diagnose(context: DiagnosisContext): AsyncGenerator<Finding> {
    const { settings, api } = this.#options;
    await this.#spool(context.env)?.check();
    const { bucket } = settings;
    yield* diagnoseSink({ bucket, root: this.#root, api, attributes: attributesOf(settings) }, context);
  }

  async listOrphans(
    scope: OrphanScope,
    keep: Named<S3Handle, OpenUploadState>,
    { env, signal }: CheckContext,
  ): Promise<OrphanListing> {
    const { settings, api } = this.#options;
    const owner = { ...scope, epoch: scope.epochBelow };
    const { bucket } = settings;
    const orphans = new Orphans({ bucket, root: this.#root, api, retrier: new Retrier(env), owner, env });
    try {
      return await orphans.list(scope, uploadsOf(keep), signal);
    } catch (error) {
      throw asStartError(error);
    }
  }

  async open(context: SinkContext): Promise<SinkSession<S3Handle, OpenUploadState>> {
    const { settings, api, missingMs = MISSING_MS, tuning } = this.#options;
    const { bucket, takenByReaders, partBytes } = settings;
    const { env, epoch, signal } = context;
    const root = this.#root;
    const retrier = new Retrier(env);
    const orphans = new Orphans({ bucket, root, api, retrier, env, owner: context });
    const tails = new Tails({ bucket, root, api, retrier, names: new PartNames(context), signal });
    const { settled } = tails;
    const committer = new S3Committer({
      ...{ bucket, root, api, retrier, orphans, epoch, env, takenByReaders, missingMs, settled },
    });
    const spool = this.#spool(env);
    const memories: PartMemory[] = [];
    const names = new PartNames(context);
    const attributes = attributesOf(settings);
    const finisher = new UploadFinisher({ api, retrier, attributes, epoch, names, env, signal });
    const openWriter = async (events: WriterEvents) => {
      const reservation = await context.memory.reserve(0, { signal });
      const memory = new PartMemory({ budgetBytes: context.memory.limitBytes, reservation });
      memories.push(memory);
      return openPartWriter({
        settings,
        context,
        files: new Uploads({ bucket, root, attributes, partBytes, api, retrier, memory, spool, tails, env, signal }),
        names,
        events,
        handleKind: HANDLE_KIND,
        gatherShare: GATHER_SHARE,
        tuning,
      });
    };
    return {
      committer,
      openWriter,
      finishOpen: (states) => finishParts(states, FINISHING, context, (open) => finisher.finish(open)),
      [Symbol.asyncDispose]: async () => {
        for (const memory of memories) memory.release();
      },
    };
  }

  #spool({ ids }: Env): Spool | undefined {
    const { spool } = this.#options;
    return spool === undefined ? undefined : new Spool({ ...spool, ids });
  }
}

/** No content encoding for compressed files: programs would unpack them on the way, and find a name that ends in .gz. */
const CONTENT_TYPES = {
  ndjson: 'application/x-ndjson',
  raw: 'application/octet-stream',
  csv: 'text/csv',
  avro: 'application/vnd.apache.avro',
  parquet: 'application/vnd.apache.parquet',
  gzip: 'application/gzip',
  zstd: 'application/zstd',
};

function attributesOf({
  format,
  compression,
  storageClass,
  acl,
  sse,
  kmsKeyId,
  tags,
}: S3SinkSettings): ObjectAttributes {
  return {
    contentType: CONTENT_TYPES[compression.type === 'none' ? format : compression.type],
    ...{ storageClass, acl, sse, kmsKeyId },
    tagging: tags === undefined ? undefined : new URLSearchParams(tags).toString(),
  };
}
