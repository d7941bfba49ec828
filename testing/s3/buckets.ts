import type { Bucket } from './bucket.ts';
import { S3Refusal } from './errors.ts';
import { emptyAnswer, type S3Response } from './http.ts';
import type { Context } from './objects.ts';
import { type Xml, xmlAnswer } from './xml.ts';

export function headBucket({ bucket }: Context): S3Response {
  return emptyAnswer(200, { 'x-amz-bucket-region': bucket.region });
}

export function listBuckets(buckets: Iterable<Bucket>): S3Response {
  const names = [...buckets].map(({ name }) => name).sort();
  return xmlAnswer(['ListAllMyBucketsResult', [['Buckets', names.map((name) => ['Bucket', [['Name', name]]])]]]);
}

/** The first region has no name here. */
export function bucketLocation({ bucket }: Context): S3Response {
  return xmlAnswer(['LocationConstraint', bucket.region === 'us-east-1' ? '' : bucket.region]);
}

export function bucketVersioning({ bucket }: Context): S3Response {
  return xmlAnswer(['VersioningConfiguration', bucket.versioning === undefined ? [] : [['Status', bucket.versioning]]]);
}

export function bucketLifecycle({ bucket }: Context): S3Response {
  if (bucket.lifecycle.length === 0) throw new S3Refusal('NoSuchLifecycleConfiguration');
  return xmlAnswer(['LifecycleConfiguration', bucket.lifecycle.map(ruleOf)]);
}

function ruleOf(rule: Bucket['lifecycle'][number]): Xml {
  const { id, prefix, tag, isDisabled = false, abortAfterDays, expireAfterDays, moveTo } = rule;
  const tags: Xml[] =
    tag === undefined
      ? []
      : [
          [
            'Tag',
            [
              ['Key', tag],
              ['Value', 'yes'],
            ],
          ],
        ];
  const filter: Xml[] = [['Prefix', prefix], ...tags];
  const fields: Xml[] = [
    ['ID', id],
    ['Filter', tags.length === 0 ? filter : [['And', filter]]],
    ['Status', isDisabled ? 'Disabled' : 'Enabled'],
  ];
  if (abortAfterDays !== undefined)
    fields.push(['AbortIncompleteMultipartUpload', [['DaysAfterInitiation', abortAfterDays]]]);
  if (expireAfterDays !== undefined) fields.push(['Expiration', [['Days', expireAfterDays]]]);
  if (moveTo !== undefined)
    fields.push([
      'Transition',
      [
        ['Days', moveTo.afterDays],
        ['StorageClass', moveTo.storageClass],
      ],
    ]);
  return ['Rule', fields];
}
