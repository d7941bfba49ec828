import type { Finding } from '../../core/spi.ts';
import { isS3Error } from './errors.ts';
import type { ObjectAttributes } from './s3-api.ts';
import { extraPermissions } from './sdk-attributes.ts';

/** What is tried, and what follows when it is denied. */
export interface Need {
  /** IAM actions, for example `s3:PutObject`. */
  readonly actions: readonly string[];
  /** Of the bucket, or of what is below the prefix. */
  readonly on: 'bucket' | 'objects';
  /** `problem` = no run works without it, `warning` = runs work, and it hurts one day. */
  readonly level: 'problem' | 'warning';
  readonly without: string;
}

const need = (action: string, on: Need['on'], level: Need['level'], without: string): Need => ({
  actions: [action],
  ...{ on, level, without },
});

/** What a run does with a bucket. */
export const NEEDS = {
  list: need('s3:ListBucket', 'bucket', 'problem', 'no run starts'),
  put: need('s3:PutObject', 'objects', 'problem', 'nothing can be written'),
  read: need('s3:GetObject', 'objects', 'problem', 'no commit can be proven'),
  readSlot: need('s3:GetObject', 'objects', 'problem', 'no run starts'),
  remove: need('s3:DeleteObject', 'objects', 'problem', 'no run starts'),
  abort: need('s3:AbortMultipartUpload', 'objects', 'warning', 'what crashed runs leave behind stays, and is paid for'),
  listUploads: need(
    's3:ListBucketMultipartUploads',
    'bucket',
    'warning',
    'what crashed runs leave behind is not found, and is paid for',
  ),
  listParts: need(
    's3:ListMultipartUploadParts',
    'objects',
    'warning',
    'a file with a part that was sent twice may wait for ever',
  ),
  /** Undefined for files that are kept as the bucket has it. */
  keepAs: (attributes: ObjectAttributes): Need | undefined => {
    const actions = extraPermissions(attributes);
    const without = 'no file can be written with the acl, tags or key that the sink sets';
    return actions.length === 0 ? undefined : { actions, on: 'objects', level: 'problem', without };
  },
} as const;

/** Tries one permission after another, and remembers which were denied. */
export class Permissions {
  readonly #bucket: string;
  readonly #root: string;
  readonly #granted = new Set<string>();
  readonly #denied = new Set<Need>();

  /** `root` ends with a slash, unless empty. */
  constructor(bucket: string, root: string) {
    this.#bucket = bucket;
    this.#root = root;
  }

  /** What the call gives, or undefined when it is denied. Any other failure says nothing of permissions and is thrown. */
  async try<T>(tried: Need, call: () => Promise<T>): Promise<{ readonly answer: T } | undefined> {
    try {
      const answer = await call();
      for (const action of tried.actions) this.#granted.add(action);
      return { answer };
    } catch (error) {
      if (!isS3Error(error, 'denied')) throw error;
      this.#denied.add(tried);
      return undefined;
    }
  }

  *findings(): Generator<Finding> {
    const granted = [...this.#granted].join(', ');
    if (granted !== '') yield { level: 'good', what: `allowed: ${granted}` };
    for (const { actions, on, level, without } of this.#denied) {
      const all = actions.join(' and ');
      const bucket = `arn:aws:s3:::${this.#bucket}`;
      const resource = on === 'bucket' ? bucket : `${bucket}/${this.#root}*`;
      yield {
        level,
        what: `${all} denied on ${resource}: ${without}`,
        help: `Allow ${all} on ${resource}; whole policies are in connectors/s3/README.md.`,
      };
    }
  }
}
