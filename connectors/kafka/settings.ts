import { z } from 'zod';
import { duration, secret, size } from '../../core/spi.ts';
import { valueSettings } from '../schema-registry/settings.ts';

const MIB = 1024 * 1024;

const brokerAddress = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):\d{1,5}$/, 'expected host:port, for example kafka-1:9092');

const topicName = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,249}$/, 'expected the name of a topic: letters, digits, ".", "_" and "-", at most 249');

const offset = z.int().min(0);

const timestamp = z
  .union([z.int().min(0), z.iso.datetime({ offset: true })])
  .describe(
    'The first record at or after this time: ISO 8601 such as 2026-01-31T12:00:00Z, or milliseconds since 1970.',
  );

const offsetsByPartition = z
  .record(topicName, z.record(z.string().regex(/^\d+$/, 'expected the number of a partition'), offset))
  .describe('The first offset to read, by topic and partition.');

const start = z
  .union([
    z.enum(['earliest', 'latest']),
    z.strictObject({ timestamp }),
    z.strictObject({ offsets: offsetsByPartition }),
    z.strictObject({
      group: z.string().min(1).describe('Go on where this consumer group has committed.'),
      fallback: z
        .enum(['fail', 'earliest', 'latest'])
        .prefault('fail')
        .describe('Where partitions begin for which the group has committed nothing.'),
    }),
  ])
  .prefault('earliest');

const stop = z.union([
  z.literal('latest'),
  z.strictObject({ timestamp }),
  z.strictObject({ offsets: offsetsByPartition.describe('The first offset not to read, by topic and partition.') }),
]);

const ssl = z.union([
  z.boolean(),
  z.strictObject({
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('Certificate authority of the brokers: PEM text or the path of a PEM file.'),
    cert: z.string().min(1).optional().describe('Client certificate: PEM text or the path of a PEM file.'),
    key: secret().optional().describe('Key of the client certificate: PEM text or the path of a PEM file.'),
    passphrase: secret().optional().describe('Passphrase of the key.'),
    servername: z.string().min(1).optional().describe('Name that the certificate of the brokers is made for.'),
    rejectUnauthorized: z
      .boolean()
      .prefault(true)
      .describe('Refuse certificates that no known authority signed. Never turn this off outside of tests.'),
  }),
]);

const password = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('SASL mechanism.'),
  username: z.string().min(1).describe('User name.'),
  password: secret().describe('Password.'),
});

const token = z.strictObject({
  mechanism: z.literal('oauthbearer').describe('SASL mechanism.'),
  tokenCommand: z
    .array(z.string().min(1))
    .min(1)
    .describe('Program and arguments that print a token; run without a shell, again for every connection.'),
});

/** Gives a fresh OAUTHBEARER token, without `Bearer `. Called for every connection and before a session ends. */
export type TokenProvider = () => Promise<string>;

const tokenInCode = z
  .strictObject({
    mechanism: z.literal('oauthbearer').describe('SASL mechanism.'),
    token: z.custom<TokenProvider>((value) => typeof value === 'function', 'expected a function that gives a token'),
  })
  .meta({ inCodeOnly: true });

const sasl = z.union([password, token, tokenInCode]);

/** Everything of a Kafka connection that is not about topics. */
const connection = {
  brokers: z
    .array(brokerAddress)
    .min(1, 'expected at least one broker')
    .describe('Some brokers of the cluster as host:port; the others are found through them.'),
  clientId: z
    .string()
    .min(1)
    .max(200)
    .prefault('sluice')
    .describe('Name of this client in the logs and quotas of the brokers.'),
  ssl: ssl.optional().describe('TLS: true for well-known authorities, or certificates.'),
  sasl: sasl.optional().describe('User name and password, or token.'),
};

/** Settings of the Kafka source: the only truth for parser, schema and docs. */
export const kafkaSourceSettings = z
  .strictObject({
    type: z.literal('kafka'),
    ...connection,
    topics: z.array(topicName).min(1, 'expected at least one topic').optional().describe('Topics to read.'),
    topicPattern: z
      .string()
      .min(1)
      .refine(isPattern, 'expected a regular expression')
      .optional()
      .describe('Regular expression that the whole name of a topic must match; topics made later are found too.'),
    start: start.describe(
      'Where partitions begin that have no saved position. It counts once: afterwards the checkpoints know.',
    ),
    stop: stop.optional().describe('Makes the run bounded: it ends by itself when everything up to here is read.'),
    value: valueSettings
      .optional()
      .describe('What values are, which are turned into JSON text for the sink. Left out: they stay as they are.'),
    isolation: z
      .enum(['read_committed', 'read_uncommitted'])
      .prefault('read_committed')
      .describe('Whether to leave out records of aborted and wait for those of open transactions.'),
    fetch: z
      .strictObject({
        maxBytes: size({ minBytes: 64 * 1024, maxBytes: 128 * MIB })
          .prefault('4MiB')
          .describe('Most bytes of one answer of a broker.'),
        maxPartitionBytes: size({ minBytes: 1024, maxBytes: 128 * MIB })
          .prefault('1MiB')
          .describe('Most bytes of one partition in one answer. Larger batches still come, one at a time.'),
        maxWait: duration({ minMs: 1, maxMs: 30_000 })
          .prefault('500ms')
          .describe('How long a broker waits for new records before it answers with none.'),
      })
      .prefault({})
      .describe('Sizes and waits of fetch requests.'),
    discovery: duration({ minMs: 100 })
      .prefault('1m')
      .describe('Time from one look for new partitions and topics to the next.'),
    waitForTopic: z.boolean().prefault(false).describe('Wait for topics that do not exist yet instead of failing.'),
    onOffsetOutOfRange: z
      .enum(['fail', 'earliest', 'latest'])
      .prefault('fail')
      .describe('When the saved offset is gone, usually by retention: stop, or lose records and go on from there.'),
    onDeletedTopic: z
      .enum(['fail', 'ignore'])
      .prefault('fail')
      .describe('When a topic is deleted while it is read: stop, or go on with the others.'),
    publishOffsets: z
      .boolean()
      .prefault(true)
      .describe('Write what is committed to a consumer group, for tools that show lag. Never read back.'),
    publishGroup: z
      .string()
      .min(1)
      .optional()
      .describe('The group for publishOffsets; sluice.<pipeline> when not given.'),
    maxDecompressedBytes: size({ minBytes: 1024, maxBytes: 1024 * MIB })
      .prefault('256MiB')
      .describe('Most bytes of one batch after decompression; more is refused.'),
  })
  .refine(({ topics, topicPattern }) => (topics === undefined) !== (topicPattern === undefined), {
    message: 'expected either topics or topicPattern',
    path: ['topics'],
  });

export type KafkaSourceSettings = z.output<typeof kafkaSourceSettings>;
export type KafkaSourceInput = z.input<typeof kafkaSourceSettings>;
export type StartSetting = KafkaSourceSettings['start'];
export type StopSetting = NonNullable<KafkaSourceSettings['stop']>;

/** The whole name must match. */
export function topicMatcher(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

function isPattern(pattern: string): boolean {
  try {
    topicMatcher(pattern);
    return true;
  } catch {
    // Not a regular expression: the caller says so.
    return false;
  }
}
