import type { z } from 'zod';
import { PartNames } from '../../../../connectors/filesink/part-name.ts';
import { SdkApi } from '../../../../connectors/s3/sdk-api.ts';
import { s3Settings } from '../../../../connectors/s3/settings.ts';
import { S3Sink, type S3SinkOptions } from '../../../../connectors/s3/sink.ts';
import { S3Store } from '../../../../connectors/s3/store.ts';
import { Tails, type TailsOptions } from '../../../../connectors/s3/tails.ts';
import { type S3Exchange, s3Handler } from '../../../../testing/s3/handler.ts';
import { S3Model } from '../../../../testing/s3/model.ts';

export const BUCKET = 'lake';
export const PREFIX = 'raw';

export type SinkInput = Partial<Omit<z.input<typeof s3Settings>, 'type'>>;

export function settingsOf(input: SinkInput = {}) {
  return s3Settings.parse({
    type: 's3',
    bucket: BUCKET,
    prefix: PREFIX,
    region: 'us-east-1',
    endpoint: 'http://127.0.0.1:9',
    credentials: { accessKeyId: 'test', secretAccessKey: 'testtest' },
    ...input,
  });
}

export const newModel = (options: ConstructorParameters<typeof S3Model>[0] = {}) =>
  new S3Model({ buckets: [BUCKET], ...options });

const atOnce: S3Exchange = async (_label, effect) => effect();

/** The real client on a model: everything but the network. */
export function apiOn(model: S3Model, { exchange = atOnce, ...input }: { exchange?: S3Exchange } & SinkInput = {}) {
  return new SdkApi({ settings: settingsOf(input), requestHandler: s3Handler(exchange, model) });
}

// The AWS client makes parts of itself at its first request, which takes real time: in virtual time nothing would be left to happen.
await apiOn(newModel()).listKeys({ bucket: BUCKET, prefix: '' });

/** Tails of an incarnation that nobody else has. */
export function tailsOn(parts: Pick<TailsOptions, 'api' | 'retrier' | 'signal'>): Tails {
  const owner = { pipeline: 'p', lineage: '0123456789abcdef', layout: 1, shard: 0, epoch: 1 };
  return new Tails({ bucket: BUCKET, root: `${PREFIX}/`, names: new PartNames(owner), ...parts });
}

export type SinkOn = { exchange?: S3Exchange } & Pick<S3SinkOptions, 'missingMs'> & SinkInput;

export function sinkOn(model: S3Model, { exchange = atOnce, missingMs = 0, ...input }: SinkOn = {}) {
  return new S3Sink({ settings: settingsOf(input), api: apiOn(model, { exchange, ...input }), missingMs });
}

export function storeOn(model: S3Model, { exchange = atOnce, prefix = '_sluice' } = {}) {
  return new S3Store({ bucket: BUCKET, prefix, api: apiOn(model, { exchange }) });
}

const isHidden = (key: string) => key.split('/').some((name) => /^[._]/.test(name));

/** What a reader of the sink's prefix sees. */
export function visibleIn(model: S3Model): Map<string, string[]> {
  const objects = model.objects(BUCKET, `${PREFIX}/`).filter(([key]) => !isHidden(key));
  return new Map(objects.map(([key, { body }]) => [key, body.toString().split('\n').slice(0, -1)]));
}
