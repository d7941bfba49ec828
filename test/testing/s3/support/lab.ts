import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Lab } from '../../../../testing/s3/cases/lab.ts';
import { CLIENT_WITHOUT_PROFILE, type S3Exchange, s3Handler } from '../../../../testing/s3/handler.ts';
import { S3Model, type S3ModelOptions } from '../../../../testing/s3/model.ts';

export const BUCKET = 'lake';

const atOnce: S3Exchange = async (_, effect) => effect();

/** A client of the SDK that sends each request once. */
export function clientWith(config: S3ClientConfig): S3Client {
  return new S3Client({
    ...CLIENT_WITHOUT_PROFILE,
    region: 'us-east-1',
    endpoint: 'http://store.test',
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    ...config,
  });
}

/** A model with one bucket, and a client that reaches it without sockets. */
export function labOn(options: S3ModelOptions = {}, exchange: S3Exchange = atOnce): S3Lab & { model: S3Model } {
  const model = new S3Model({ buckets: [BUCKET], ...options });
  return { model, bucket: BUCKET, client: clientWith({ requestHandler: s3Handler(exchange, model) }) };
}
