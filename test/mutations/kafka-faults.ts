import { type Mutation, simulator } from './mutation.ts';

const FRAME = 'connectors/kafka/frame.ts';

/** Faults in the Kafka source. */
export const kafkaFaults: readonly Mutation[] = [
  {
    name: 'aborted-not-dropped',
    what: 'records of aborted transactions are delivered',
    edits: [
      { file: FRAME, find: 'filter?.drops(bytes, header) ?? false', replace: 'filter?.drops(bytes, header) && false' },
    ],
    caughtBy: simulator(2),
  },
  {
    name: 'aborted-from-the-second',
    what: 'the first batch of an aborted transaction is delivered when it holds one record',
    edits: [
      {
        file: 'connectors/kafka/aborted.ts',
        find: 'one.firstOffset <= header.lastOffset',
        replace: 'one.firstOffset < header.lastOffset',
      },
    ],
    caughtBy: simulator(10),
  },
  {
    name: 'reads-uncommitted',
    what: 'brokers are asked for records of open transactions, too',
    edits: [
      {
        file: 'connectors/kafka/api.ts',
        find: 'return readCommitted ? 1 : 0;',
        replace: 'return readCommitted ? 0 : 0;',
      },
    ],
    caughtBy: simulator(2),
  },
  {
    name: 'offsets-by-count',
    what: 'reading goes on behind the records of a batch instead of behind its last offset',
    edits: [
      {
        file: FRAME,
        find: '      offset = header.lastOffset + 1;\n',
        replace: '      offset = Math.max(offset, header.baseOffset + header.count);\n',
      },
      {
        file: FRAME,
        find: '      reached = { offset: Math.min(header.lastOffset + 1, offsetTo), leaderEpoch: header.leaderEpoch };\n',
        replace:
          '      const behind = Math.max(reached.offset, header.baseOffset + header.count);\n' +
          '      reached = { offset: Math.min(behind, offsetTo), leaderEpoch: header.leaderEpoch };\n',
      },
    ],
    caughtBy: simulator(17),
  },
  {
    name: 'checksum-not-checked',
    what: 'the checksum of a batch is not looked at',
    edits: [
      {
        file: 'connectors/kafka/batch.ts',
        find: '  if (stated === actual) return;\n',
        replace: '  if (stated >= 0 || actual >= 0) return;\n',
      },
    ],
    caughtBy: simulator(58),
  },
  {
    name: 'found-from-latest',
    what: 'a partition found while running is read from its end',
    edits: [
      {
        file: 'connectors/kafka/start.ts',
        find: "  if (why === 'found' || start === 'earliest') return",
        replace:
          "  if (why === 'found') return atTime(splits, TIMESTAMP_LATEST, context);\n  if (start === 'earliest') return",
      },
    ],
    caughtBy: simulator(2),
  },
  {
    name: 'topic-id-not-compared',
    what: 'a topic that was made again under its name is read on',
    edits: [
      {
        file: 'core/checkpoint/protocol.ts',
        find: 'if (old.topicId !== null && split.topicId !== null && old.topicId !== split.topicId)',
        replace: 'if (old.topicId === null && split.topicId !== null && old.topicId !== split.topicId)',
      },
    ],
    caughtBy: simulator(170),
  },
];
