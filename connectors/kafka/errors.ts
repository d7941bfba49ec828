import { SluiceError } from '../../core/spi.ts';

/** Error codes of the Kafka protocol that are named in messages or decided on. */
export const KafkaCode = {
  UNKNOWN_SERVER_ERROR: -1,
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  REPLICA_NOT_AVAILABLE: 9,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  ILLEGAL_SASL_STATE: 34,
  UNSUPPORTED_VERSION: 35,
  INVALID_REQUEST: 42,
  KAFKA_STORAGE_ERROR: 56,
  FETCH_SESSION_ID_NOT_FOUND: 70,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  OFFSET_NOT_AVAILABLE: 78,
  UNKNOWN_TOPIC_ID: 100,
} as const;

const NAMES = new Map<number, string>(Object.entries(KafkaCode).map(([name, code]) => [code, name]));

/** For messages: `29 TOPIC_AUTHORIZATION_FAILED`. */
export function nameOf(code: number): string {
  return `${code} ${NAMES.get(code) ?? 'unnamed error'}`;
}

const PASSING: ReadonlySet<number> = new Set([
  KafkaCode.UNKNOWN_SERVER_ERROR,
  KafkaCode.UNKNOWN_TOPIC_OR_PARTITION,
  KafkaCode.LEADER_NOT_AVAILABLE,
  KafkaCode.NOT_LEADER_OR_FOLLOWER,
  KafkaCode.REQUEST_TIMED_OUT,
  KafkaCode.REPLICA_NOT_AVAILABLE,
  KafkaCode.NETWORK_EXCEPTION,
  KafkaCode.COORDINATOR_LOAD_IN_PROGRESS,
  KafkaCode.COORDINATOR_NOT_AVAILABLE,
  KafkaCode.NOT_COORDINATOR,
  KafkaCode.KAFKA_STORAGE_ERROR,
  KafkaCode.FENCED_LEADER_EPOCH,
  KafkaCode.UNKNOWN_LEADER_EPOCH,
  KafkaCode.OFFSET_NOT_AVAILABLE,
  KafkaCode.UNKNOWN_TOPIC_ID,
]);

/** Goes away by asking again, often somebody else: the broker that fresh metadata names. */
export function isPassing(code: number): boolean {
  return PASSING.has(code);
}

export interface RefusedRequest {
  /** What was asked, as ACLs call it: `Read`, `Describe`. */
  operation: string;
  /** `topic clicks`, `partition clicks/3` or `group sluice.clicks`. */
  resource: string;
}

/** What an error code in an answer means to us. Codes with a policy of their own (out of range, fenced) never come here. */
export function refusedByBroker(code: number, { operation, resource }: RefusedRequest): SluiceError {
  const details = { code, operation, resource };
  switch (code) {
    case KafkaCode.TOPIC_AUTHORIZATION_FAILED:
    case KafkaCode.GROUP_AUTHORIZATION_FAILED:
    case KafkaCode.CLUSTER_AUTHORIZATION_FAILED:
      return new SluiceError('config', 'KAFKA_NOT_AUTHORIZED', {
        message: `Kafka: no permission for operation ${operation} on ${resource}`,
        help: `Allow the user of this pipeline ${operation} on ${resource}, or give other credentials in source.sasl.`,
        details,
      });
    case KafkaCode.INVALID_TOPIC:
      return new SluiceError('config', 'KAFKA_INVALID_TOPIC', {
        message: `Kafka: ${resource} is not a name a topic can have`,
        help: 'Topics have letters, digits, ".", "_" and "-", at most 249.',
        details,
      });
    case KafkaCode.UNSUPPORTED_VERSION:
      return new SluiceError('config', 'KAFKA_BROKER_TOO_OLD', {
        message: `Kafka: the broker does not know the version of ${operation} that is needed for ${resource}`,
        help: 'Sluice needs brokers of version 2.3 or later.',
        details,
      });
    default: {
      const kind = isPassing(code) ? 'unavailable' : 'rejected';
      return new SluiceError(kind, 'KAFKA_REQUEST_REFUSED', {
        message: `Kafka: ${operation} on ${resource} failed with ${nameOf(code)}`,
        details,
      });
    }
  }
}
