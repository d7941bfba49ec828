import { parseArgs } from 'node:util';
import { parseTemplate } from '../connectors/filesink/directories/template.ts';

const SINKS = ['file', 's3', 'hdfs'] as const;
const FORMATS = ['ndjson', 'csv', 'avro', 'parquet'] as const;
const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;

/** What the files of the pipeline look like. */
export interface Files {
  /** A template: which directory a record goes to. */
  directory: string;
  format: (typeof FORMATS)[number];
  compression: (typeof COMPRESSIONS)[number];
}

export interface DemoOptions extends Files {
  /** The user's own broker; undefined = find or start one. */
  brokers: string | undefined;
  kills: number;
  /** How long records are produced. */
  seconds: number;
  recordsPerSecond: number;
  /** What the pipeline writes to, and where it keeps its checkpoints. */
  sink: (typeof SINKS)[number];
  /** Keep the topic on the user's own broker, and the output on the user's own S3 server or HDFS cluster. */
  keep: boolean;
}

export const usage = `Usage: npm run demo -- [options]

Writes numbered records to a Kafka topic, runs a pipeline that brings them into files, kills it with kill -9
again and again, and then counts every record in the files.

  --sink <file|s3|hdfs>   where files and checkpoints go (file); for s3, SLUICE_TEST_S3, Docker, versitygw (built
                          with Go, once) or s3proxy (a JVM) is used; for hdfs, SLUICE_TEST_HDFS or JVMs
  --directory <template>  which directory a record goes to ({topic}), for example "{topic}/hour={time:HH}"
  --format <format>       what files hold (ndjson): ndjson, csv, avro or parquet
  --compression <name>    none, gzip or zstd for ndjson and csv (none); the others are compressed inside
  --brokers <host:port>   your own Kafka; without it SLUICE_TEST_KAFKA, Docker or a JVM is used
  --keep                  leave the topic on your Kafka, and what was written to your S3 server or HDFS, when done
  --kills <n>             how often to kill the pipeline (5)
  --seconds <n>           how long to produce records (30)
  --rate <n>              records per second (20000)
  --help`;

export type Parsed = { kind: 'run'; options: DemoOptions } | { kind: 'help' } | { kind: 'wrong'; why: string };

export function parseOptions(args: string[]): Parsed {
  try {
    const { values } = parseArgs({
      args,
      options: {
        sink: { type: 'string', default: 'file' },
        directory: { type: 'string', default: '{topic}' },
        format: { type: 'string', default: 'ndjson' },
        compression: { type: 'string', default: 'none' },
        brokers: { type: 'string' },
        keep: { type: 'boolean', default: false },
        kills: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '30' },
        rate: { type: 'string', default: '20000' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const options = {
      sink: oneOf(SINKS, '--sink', values.sink),
      ...filesOf(values),
      brokers: values.brokers,
      keep: values.keep,
      kills: wholeNumber('--kills', values.kills, 0),
      seconds: wholeNumber('--seconds', values.seconds, 3),
      recordsPerSecond: wholeNumber('--rate', values.rate, 100),
    };
    return { kind: 'run', options };
  } catch (error) {
    return { kind: 'wrong', why: (error as Error).message };
  }
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min)
    throw new Error(`${name}: expected a whole number of at least ${min}, found "${text}"`);
  return value;
}

function oneOf<Name extends string>(names: readonly Name[], option: string, text: string): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new Error(`${option}: expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, found "${text}"`);
}

function filesOf(values: Record<keyof Files, string>): Files {
  const format = oneOf(FORMATS, '--format', values.format);
  const compression = oneOf(COMPRESSIONS, '--compression', values.compression);
  if (compression !== 'none' && (format === 'avro' || format === 'parquet'))
    throw new Error(
      `--compression: files of format ${format} are compressed inside; only ndjson and csv take ${compression}`,
    );
  try {
    parseTemplate(values.directory);
  } catch (error) {
    throw new Error(`--directory: ${(error as Error).message}`);
  }
  return { directory: values.directory, format, compression };
}
