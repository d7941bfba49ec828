// What the SDK alone needs to send that many bytes: parts of one upload from prepared memory, by the client of the sink.
// usage: put.ts <target as JSON> <key> <records> <bytes>
import { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { crc32Base64 } from '../../../connectors/s3/checksum.ts';
import { makeClient } from '../../../connectors/s3/client.ts';
import { s3Settings } from '../../../connectors/s3/settings.ts';
import { RequestCounter } from '../../requests.ts';
import { connectionOf, type S3Target } from '../../s3.ts';
import { Meter } from '../meter.ts';

const IN_FLIGHT = 4;

const [target = '', Key = '', recordsText, bytesText] = process.argv.slice(2);
const bytes = Number(bytesText);
const settings = s3Settings.parse({ type: 's3', ...connectionOf(JSON.parse(target) as S3Target), format: 'ndjson' });
const { bucket: Bucket, partBytes } = settings;
const client = makeClient({ settings });
const part = Buffer.alloc(partBytes, 'a line of some fifty bytes, all of them the same.\n');

const meter = new Meter(new RequestCounter());
const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32' }));
meter.batch();
const count = Math.ceil(bytes / partBytes);
const Parts: { PartNumber: number; ETag: string | undefined; ChecksumCRC32: string }[] = [];
let next = 0;
await Promise.all(Array.from({ length: IN_FLIGHT }, sendParts));
await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
meter.done({ records: Number(recordsText), bytes });
process.exit(0); // idle sockets

async function sendParts(): Promise<void> {
  while (next < count) {
    const number = ++next;
    const Body = number < count ? part : part.subarray(0, bytes - (count - 1) * partBytes);
    const ChecksumCRC32 = crc32Base64(Body);
    const { ETag } = await client.send(
      new UploadPartCommand({
        ...{ Bucket, Key, UploadId, PartNumber: number, Body, ContentLength: Body.length, ChecksumCRC32 },
      }),
    );
    Parts[number - 1] = { PartNumber: number, ETag, ChecksumCRC32 };
  }
}
