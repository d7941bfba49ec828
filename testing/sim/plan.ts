import { Dice } from '../dice.ts';

/** Everything that can go wrong in a run. Each seed switches a part of them on. */
export const FAULTS = [
  // processes
  'crash', // kill -9
  'powerLoss', // every process dies, and the disk forgets what was not synced
  'pause', // stopped, and goes on later
  'second', // another instance is started beside the one that runs
  'operator', // stopped in order, started again with other settings
  // disk
  'diskError', // EIO, with or without effect
  'diskFull', // ENOSPC for a while
  // a checkpoint store behind a network
  'storeAway', // refused
  'storeAnswerLost',
  'storeLate', // the error comes now, the effect later
  'storeTwice', // sent a second time on the way
  'storeSilent', // no answer until the client's time limit
  // Kafka
  'kafkaAway', // connections break, before or after the request
  'leaderMoves',
  'brokerDies', // one node is gone for a while
  'transactions', // committed, aborted, left open for a while
  'gaps', // offsets that compaction removed
  'newPartitions',
  'oldRecords', // an answer begins before the offset that was asked for
  'bitFlips', // a batch that does not match its checksum
  'retention', // records that are in every checkpoint are deleted
  // the world
  'clockJumps',
  'loader', // something takes visible files away
] as const;

/** What only a run on HDFS has. */
const HDFS_FAULTS = [
  'safeMode', // nothing can be changed for a while
  'failover', // no NameNode is active for a while, then the other one
  'dataNodeDies', // with what is being written through it; others take its place
] as const;

export type FaultName = (typeof FAULTS)[number] | (typeof HDFS_FAULTS)[number];

/** What no pipeline can mend: it has to stop and say so, and to have written nothing wrong. */
export const HARMS = [
  'truncated', // an unclean election lost records
  'recreated', // the topic was made again under its name
  'overtaken', // retention deleted what was not read yet
  'tornSlot', // the newest checkpoint is cut off
  'lostState', // the checkpoints are gone
  'lyingStore', // creates overwrite what exists
  'staleStore', // what was created is listed late
] as const;

export type HarmName = (typeof HARMS)[number];

/** One run, as the seed draws it. */
export interface Plan {
  readonly seed: number;
  readonly faults: ReadonlySet<FaultName>;
  readonly harm: HarmName | undefined;
  readonly sink: 'file' | 's3' | 'hdfs';
  readonly store: 'file' | 'network' | 's3' | 'hdfs';
  /** Which directory a record goes to; most runs have one for each topic. */
  readonly directory: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  readonly maxOpenParts: number;
  /** Undefined: files are not closed for their age. */
  readonly rollAgeMs?: number | undefined;
  /** Files stay open across checkpoints, until they are old or full. */
  readonly staysOpen: boolean;
  /** A sink of S3 with so little memory that parts wait on disk. */
  readonly spool: boolean;
  readonly topics: number;
  readonly partitions: number;
  readonly nodes: number;
  readonly recordsPerSecond: number;
  readonly valueBytes: number;
  readonly codec: 'none' | 'gzip' | 'zstd';
  readonly intervalMs: number;
  readonly retain: number;
  readonly rollRecords: number;
  readonly rollBytes: number;
  /** Small ones make the sink take a frame piece by piece, so that barriers fall into the middle of it. */
  readonly rangeBytes: number;
  readonly inFlightRanges: number;
  readonly fetchKiB: number;
  readonly discoveryMs: number;
  /** How long records are written and things go wrong; virtual. */
  readonly troubleMs: number;
}

/** The limits of a writer as users have them. */
export const ROOMY = { rangeBytes: 512 * 1024, inFlightRanges: 4096 };

/** Files as users have them who say nothing of them. */
const PLAIN_FILES = { directory: '{topic}', compression: 'none', maxOpenParts: 512, staysOpen: false } as const;
/** By the partition and by the minute that the records themselves name. */
const DIRECTORIES = ['{topic}/p={field:p}', '{topic}/m={time:HH-mm}'] as const;

/** Draws a run. */
export function drawPlan(seed: number): Plan {
  const dice = new Dice(seed).fork('plan');
  // Some runs have little going wrong and are deep in one kind of trouble, others have everything at once.
  const share = dice.pick([0.1, 0.3, 0.3, 0.5, 0.8]);
  // What was added later has dice of its own, so that older seeds stay what they were.
  const later = new Dice(seed).fork('later');
  const faults = new Set(FAULTS.filter((fault) => (fault === 'storeSilent' ? later : dice).chance(share)));
  const harm = dice.chance(0.06) ? dice.pick(HARMS) : undefined;
  const recordsPerSecond = dice.pick([5, 20, 60, 100]);
  const drawn = {
    seed,
    sink: 'file',
    spool: false,
    ...PLAIN_FILES,
    faults,
    harm,
    store: harm?.endsWith('Store') ? 'network' : dice.pick(['file', 'network'] as const),
    topics: dice.chance(0.2) ? 2 : 1,
    partitions: dice.pick([1, 1, 2, 2, 3, 5, 8, 16]),
    nodes: dice.whole(1, 3),
    recordsPerSecond,
    valueBytes: dice.pick([70, 90, 200]),
    codec: dice.pick(['none', 'none', 'none', 'none', 'none', 'none', 'gzip', 'zstd'] as const),
    intervalMs: dice.pick([50, 100, 300, 1_000, 2_000]),
    retain: dice.whole(2, 4),
    // Every file costs some twenty calls.
    rollRecords: recordsPerSecond > 20 ? dice.pick([5, 20, 1_000_000]) : dice.pick([1, 5, 1_000_000]),
    rollBytes: dice.pick([2_000, 10_000, 1_000_000]),
    fetchKiB: dice.pick([64, 1024]),
    discoveryMs: dice.pick([200, 1_000, 5_000]),
    troubleMs: dice.whole(1_500, 7_000),
    ...(later.chance(0.3) ? { rangeBytes: later.pick([1, 200, 1_000]), inFlightRanges: later.pick([1, 2, 5]) } : ROOMY),
  } as const;
  const placed = withHdfsStore(
    withHdfs(withS3(drawn, new Dice(seed).fork('s3')), new Dice(seed).fork('on hdfs')),
    new Dice(seed).fork('hdfs store'),
  );
  const filled = withFiles(withSpool(placed, new Dice(seed).fork('spool')), new Dice(seed).fork('files'));
  return withOpenFiles(filled, new Dice(seed).fork('open files'));
}

/** Some runs write to HDFS, and most of those keep their checkpoints there. */
function withHdfs(plan: Plan, dice: Dice): Plan {
  return plan.sink === 'file' && dice.chance(0.05) ? onHdfs(plan, dice) : plan;
}

/** The same run, with its output in HDFS. */
export function onHdfs(plan: Plan, dice: Dice): Plan {
  const share = dice.pick([0, 0.3, 0.8]);
  const faults = new Set([...plan.faults, ...HDFS_FAULTS.filter(() => dice.chance(share))]);
  const keepsStore = plan.harm?.endsWith('Store') || dice.chance(0.3);
  // Files in HDFS end at every checkpoint.
  return { ...plan, faults, sink: 'hdfs', store: keepsStore ? plan.store : 'hdfs', staysOpen: false };
}

/** Some runs write files here and keep only their checkpoints in HDFS. */
function withHdfsStore(plan: Plan, dice: Dice): Plan {
  const isFree = plan.sink === 'file' && plan.store === 'network' && !plan.harm?.endsWith('Store');
  if (!isFree || !dice.chance(0.05)) return plan;
  const share = dice.pick([0, 0.3, 0.8]);
  return { ...plan, store: 'hdfs', faults: new Set([...plan.faults, ...HDFS_FAULTS.filter(() => dice.chance(share))]) };
}

/** Some runs write to S3, and most of those keep their checkpoints there. A request of the AWS client costs much time. */
function withS3(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.05)) return plan;
  const keepsStore = plan.harm?.endsWith('Store') || dice.chance(0.3);
  return {
    ...plan,
    sink: 's3',
    store: keepsStore ? plan.store : 's3',
    recordsPerSecond: Math.min(plan.recordsPerSecond, 20),
    rollRecords: Math.max(plan.rollRecords, 5),
    intervalMs: Math.max(plan.intervalMs, 300),
  };
}

/** Two topics, as the part of one file goes to disk when another one needs its memory. */
function withSpool(plan: Plan, dice: Dice): Plan {
  return plan.sink === 's3' && dice.chance(0.5) ? { ...plan, spool: true, topics: 2 } : plan;
}

/** Some runs sort records into directories, compress their files, or close them for other reasons. */
function withFiles(plan: Plan, dice: Dice): Plan {
  if (!dice.chance(0.1)) return plan;
  return {
    ...plan,
    directory: dice.pick([plan.directory, ...DIRECTORIES, ...DIRECTORIES]),
    compression: dice.pick(['none', 'none', 'gzip', 'zstd'] as const),
    maxOpenParts: dice.pick([2, 512]),
    rollAgeMs: dice.pick([undefined, 100, 1_000]),
  };
}

/** Some runs keep files open across checkpoints, where the sink can; quiet ones show their last records when a file is old. */
function withOpenFiles(plan: Plan, dice: Dice): Plan {
  if (plan.sink === 'hdfs' || !dice.chance(0.15)) return plan;
  return { ...plan, staysOpen: true, rollAgeMs: plan.rollAgeMs ?? dice.pick([200, 1_000, 5_000]) };
}

/** One line for people. */
export function describePlan({ faults, harm, seed, ...settings }: Plan): string {
  const values = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return `seed ${seed}: ${values.join(' ')} faults=${[...faults].join(',') || 'none'}${harm ? ` harm=${harm}` : ''}`;
}

/** A plan as a file keeps it: seeds mean something else once there are more faults to draw from, plans do not. */
export function encodePlan({ faults, ...plan }: Plan): string {
  return JSON.stringify({ ...plan, faults: [...faults] });
}

export function decodePlan(text: string): Plan {
  const { faults, ...plan } = JSON.parse(text);
  return { harm: undefined, sink: 'file', spool: false, ...PLAIN_FILES, ...ROOMY, ...plan, faults: new Set(faults) };
}
