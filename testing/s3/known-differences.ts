/** Servers that are known, each as of the version that the tests start. */
export type KnownServer = 'versitygw' | 's3proxy' | 'minio';

type Differences = Readonly<Record<string, Readonly<Partial<Record<KnownServer, string>>>>>;

/** Cases, by name, that a server fails, and what it does instead. */
export const KNOWN_DIFFERENCES: Differences = {
  'a Complete that is sent again is refused, and the object stays as it is': {
    versitygw: 'answers 200 again, as long as something has the key',
    s3proxy: 'answers 200 again',
  },
  'an upload that never was cannot be completed, where there is an object': {
    versitygw: 'answers 200 with the ETag of the object',
  },
  'an upload belongs to its key': {
    s3proxy: 'completes it under another key',
  },
  'an aborted upload takes no part, lists none and cannot be completed': {
    s3proxy: 'takes parts, which stay',
  },
  'parts out of order are refused': {
    s3proxy: 'takes them, in the order of their numbers',
  },
  'an upload created for CRC32 is completed with the CRC32 of every part, and has a checksum of them': {
    s3proxy: 'does not look at the checksums of a Complete',
  },
  'an upload created for CRC32 is not completed without the CRC32 of a part': {
    s3proxy: 'does not look at the checksums of a Complete',
    minio: 'names it InvalidPart',
  },
  'parts are listed by number, with their sizes and ETags, in pages': {
    s3proxy: 'lists all parts at once',
  },
  'uploads are listed in pages': {
    versitygw: 'refuses the upload-id-marker that it has given itself; key-marker alone works',
    minio: 'lists uploads only for a prefix that is a whole key, all at once without one',
  },
  'uploads are listed in pages, also several of one key': {
    versitygw: 'refuses the upload-id-marker that it has given itself; key-marker alone works',
    minio: 'lists uploads only for a prefix that is a whole key, all at once without one',
  },
  'a stream is taken in chunks with its checksum behind it': {
    versitygw: 'gives aws-chunked back as the content encoding',
  },
  'a key of more than 1,024 bytes is refused': {
    versitygw: 'takes it',
    s3proxy: 'takes it',
  },
  'a segment of a key may have 300 bytes': {
    versitygw: 'refuses more than 255, as its file system does',
    s3proxy: 'answers 500',
    minio: 'refuses more than 255',
  },
  'a key may have control characters': {
    versitygw: 'lists them as U+FFFD',
    s3proxy: 'makes a list that is no XML',
  },
  'a key may have empty segments, and a slash at its end': {
    versitygw: 'refuses the slash at the end, and does not list a//b',
    s3proxy: 'lists a//b as a/b',
    minio: 'refuses empty segments',
  },
  'a key may be the directory of another': {
    versitygw: 'refuses it with 409 ObjectParentIsFile',
    s3proxy: 'answers 500',
  },
  'metadata of more than 2 KiB is refused': {
    s3proxy: 'takes it',
  },
  'keys are listed in the order of their UTF-8 bytes': {
    s3proxy: 'lists them in the order of their UTF-16 units',
  },
  'a list gives keys as URLs have them when it is asked to': {
    versitygw: 'gives them as they are',
  },
  'a list refuses a token that it has not given': {
    versitygw: 'takes it for a key',
    s3proxy: 'takes it for a key',
  },
  'If-Match deletes only the named ETag': {
    minio: 'deletes whatever is there',
  },
  'a body that is not what its CRC32 says is refused': {
    minio: 'names it XAmzContentChecksumMismatch',
  },
  'a part that is not what its CRC32 says is refused': {
    minio: 'names it XAmzContentChecksumMismatch',
  },
  'an abort of what was aborted or completed is refused, and the object stays': {
    minio: 'answers 204',
  },
  'an upload is not completed without parts': {
    minio: 'names it InvalidRequest',
  },
  'metadata has up to 2 KiB': {
    minio: 'counts the x-amz-meta- of every name too',
  },
  'part numbers below 1 and above 10,000 are refused': {
    minio: 'names it InvalidPart',
  },
  'uploads are listed by key, for a prefix': {
    minio: 'lists uploads only for a prefix that is a whole key',
  },
};
