import type { Api } from '../../../../connectors/kafka/api.ts';
import { type FetchedPartition, fetchApi } from '../../../../connectors/kafka/fetch-request.ts';
import { WireReader } from '../../../../connectors/kafka/wire.ts';
import { KafkaModel } from '../../../../testing/kafka/model.ts';

export interface FetchShape {
  nodeId?: number;
  partition?: number;
  leaderEpoch?: number;
  readCommitted?: boolean;
  bytesMax?: number;
}

/** `start` and `end` lie in `bytes`. */
export type Fetched = FetchedPartition & { waitMs: number; offsets: number[]; bytes: Buffer };

/** One request to a node, by bytes and back. */
export function ask<Request, Response>(
  model: KafkaModel,
  nodeId: number,
  api: Api<Request, Response>,
  request: Request,
): Response {
  const reader = new WireReader(api.encode(request));
  const { body } = model.answer({ nodeId, apiKey: api.key, apiVersion: api.version, reader });
  return api.decode(new WireReader(body));
}

/** A fetch of one partition of `clicks`, with the base offsets of the whole batches it returned. */
export function fetchFrom(
  model: KafkaModel,
  offset: number,
  { nodeId = 1, partition = 0, leaderEpoch = -1, readCommitted = true, bytesMax = 1 << 20 }: FetchShape = {},
): Fetched {
  const request = fetchApi.encode({
    maxWaitMs: 500,
    maxBytes: bytesMax,
    readCommitted,
    partitions: [{ topic: 'clicks', partition, leaderEpoch, offset, maxBytes: bytesMax }],
  });
  const answer = model.answer({ nodeId, apiKey: 1, apiVersion: 11, reader: new WireReader(request) });
  const fetched = fetchApi.decode(new WireReader(answer.body)).partitions[0] as FetchedPartition;
  const { body: bytes, waitMs } = answer;
  return { ...fetched, waitMs, bytes, offsets: baseOffsets(bytes.subarray(fetched.start, fetched.end)) };
}

function baseOffsets(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; at + 61 <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end <= bytes.length) offsets.push(Number(bytes.readBigInt64BE(at)));
    at = end;
  }
  return offsets;
}

/** A model with the topic `clicks`. */
export function clicks({ partitions = 1, nodes = 1 } = {}): KafkaModel {
  const model = new KafkaModel({ nodes });
  model.createTopic('clicks', partitions);
  return model;
}

/** One batch of `count` records. */
export function add(model: KafkaModel, count: number, { partition = 0, producerId = -1 } = {}): number | undefined {
  const records = Array.from({ length: count }, (_, index) => ({ value: `v${index}` }));
  return model.append('clicks', partition, records, producerId < 0 ? {} : { producerId });
}
