import { type Env, SluiceError } from '../../core/spi.ts';
import type { Api } from './api.ts';
import type { BrokerPort, CallOptions, RawReply } from './broker-port.ts';
import type { BrokerAddress } from './connection-errors.ts';
import { nameOf } from './errors.ts';
import { findCoordinatorApi } from './group-requests.ts';
import {
  type MetadataResponse,
  metadataApiFor,
  type PartitionMetadata,
  type TopicMetadata,
} from './metadata-request.ts';

const METADATA_KEY = 3;
const ANSWER_WITHIN_MS = 5_000;
const RETRY_MS = { first: 50, max: 1_000 };

/** Who is there: brokers by number, and the way to one that answers. */
export class Cluster {
  readonly #env: Env;
  readonly #brokers: BrokerPort;
  readonly #seeds: readonly BrokerAddress[];
  readonly #nodes = new Map<number, BrokerAddress>();
  /** The broker that answered last. */
  #favourite: BrokerAddress | undefined;

  constructor({ env, brokers, seeds }: { env: Env; brokers: BrokerPort; seeds: readonly BrokerAddress[] }) {
    this.#env = env;
    this.#brokers = brokers;
    this.#seeds = seeds;
  }

  /** Asks whichever broker answers about `topics`; null = all of the cluster. Learns the brokers on the way. */
  async metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    const response = await this.#askAny(async (address) => {
      const versions = await this.#brokers.versions(address);
      const api = metadataApiFor(versions.get(METADATA_KEY));
      return this.#brokers.call(address, api, { topics }, { lane: 'control' });
    });
    this.#nodes.clear();
    for (const { nodeId, host, port } of response.brokers) this.#nodes.set(nodeId, { host, port });
    return response;
  }

  /** One request to the broker `nodeId`. */
  call<Request, Response>(nodeId: number, api: Api<Request, Response>, request: Request): Promise<Response> {
    return this.#brokers.call(this.#address(nodeId), api, request, { lane: 'control' });
  }

  /** One request on the fetch connection of the broker `nodeId`; the answer stays in its receive buffer. */
  callRaw<Request>(
    nodeId: number,
    api: Api<Request, unknown>,
    request: Request,
    options: CallOptions,
  ): Promise<RawReply> {
    return this.#brokers.callRaw(this.#address(nodeId), api, request, options);
  }

  /** The broker that keeps the offsets of `group`. */
  async groupCoordinator(group: string): Promise<{ errorCode: number; nodeId: number }> {
    const answer = await this.#askAny((address) =>
      this.#brokers.call(address, findCoordinatorApi, { group }, { lane: 'control' }),
    );
    if (answer.errorCode === 0) this.#nodes.set(answer.nodeId, { host: answer.host, port: answer.port });
    return answer;
  }

  /** Repeats `ask` while it fails with `unavailable`, for 5 s in all or until `signal` aborts. */
  async persist<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    const { promise: given, reject: giveUp } = Promise.withResolvers<never>();
    let lastFailure: unknown;
    let over = false;
    const cancel = this.#env.timers.after(ANSWER_WITHIN_MS, () => giveUp(lastFailure ?? this.#silent()));
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    const repeat = async () => {
      for (let pauseMs = RETRY_MS.first; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS.max)) {
        try {
          return await ask();
        } catch (error) {
          if (over || !(error instanceof SluiceError) || error.kind !== 'unavailable') throw error;
          if (lastFailure === undefined) this.#env.log.warn(`${error.message}; trying again`, { help: error.help });
          lastFailure = error;
        }
        await this.#env.timers.sleep(pauseMs, { signal });
        if (over) throw lastFailure;
      }
    };
    try {
      return await Promise.race([repeat(), given]);
    } finally {
      over = true;
      cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #address(nodeId: number): BrokerAddress {
    const address = this.#nodes.get(nodeId);
    if (address !== undefined) return address;
    throw new SluiceError('unavailable', 'KAFKA_BROKER_UNKNOWN', {
      message: `Kafka: broker ${nodeId} leads a partition but is not in the metadata yet`,
      details: { nodeId },
    });
  }

  async #askAny<T>(ask: (address: BrokerAddress) => Promise<T>): Promise<T> {
    const failures: SluiceError[] = [];
    for (const address of this.#candidates()) {
      try {
        const answer = await ask(address);
        this.#favourite = address;
        return answer;
      } catch (error) {
        if (!(error instanceof SluiceError) || error.kind !== 'unavailable') throw error;
        failures.push(error);
      }
    }
    throw nobodyAnswers(this.#seeds, failures);
  }

  #silent(): SluiceError {
    const silence = new SluiceError('unavailable', 'KAFKA_SILENT', {
      message: `no answer within ${ANSWER_WITHIN_MS} ms`,
    });
    return nobodyAnswers(this.#seeds, [silence]);
  }

  /** The favourite, then known brokers, then the configured ones, each once. */
  #candidates(): BrokerAddress[] {
    const candidates = new Map<string, BrokerAddress>();
    const all = [this.#favourite, ...this.#nodes.values(), ...this.#seeds];
    for (const address of all) if (address !== undefined) candidates.set(`${address.host}:${address.port}`, address);
    return [...candidates.values()];
  }
}

function nobodyAnswers(seeds: readonly BrokerAddress[], failures: readonly SluiceError[]): SluiceError {
  const names = seeds.map(({ host, port }) => `${host}:${port}`).join(', ');
  const causes = [...new Set(failures.map((failure) => failure.message.replace(/^Kafka: /, '')))].join('; ');
  return new SluiceError('unavailable', 'KAFKA_UNREACHABLE', {
    message: `Kafka: no broker answers (source.brokers: ${names}): ${causes}`,
    help:
      failures.find((failure) => failure.help !== undefined)?.help ??
      'Check that the brokers run and can be reached from here.',
    details: { brokers: names },
    cause: failures[0],
  });
}

/** Where a partition is read now, by fresh metadata. */
export type PartitionPlace =
  | { kind: 'led'; nodeId: number; leaderEpoch: number }
  /** Being elected, created or deleted: look again. */
  | { kind: 'nowhere'; why: string };

export function placeOf(topic: TopicMetadata, partition: number): PartitionPlace {
  if (topic.errorCode !== 0) return { kind: 'nowhere', why: nameOf(topic.errorCode) };
  const found = topic.partitions.find((one: PartitionMetadata) => one.partition === partition);
  if (found === undefined) return { kind: 'nowhere', why: 'the partition is not in the metadata' };
  if (found.leader < 0) return { kind: 'nowhere', why: `no leader (${nameOf(found.errorCode)})` };
  return { kind: 'led', nodeId: found.leader, leaderEpoch: found.leaderEpoch };
}
