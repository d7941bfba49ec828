import { randomUUID } from 'node:crypto';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { webHdfs } from '../connectors/hdfs/index.ts';
import { findHdfs } from '../test/services/hdfs.ts';
import { findS3 } from '../test/services/s3.ts';
import { S3Bucket } from '../test/services/s3-bucket.ts';
import { FolderOutput, HdfsOutput, type OutputListing } from '../testing/ledger/index.ts';
import { COLUMNS, DecodedOutput } from './decoded-output.ts';
import type { DemoOptions, Files } from './options.ts';
import type { Story } from './story.ts';

/** Everything that the demo writes to disk. */
export const folder = fileURLToPath(new URL('../out/demo/', import.meta.url));

/** Where the pipeline of the demo writes to. */
export interface Target {
  /** What follows `sink:` and `store:` in the pipeline file. */
  readonly sink: string;
  readonly store: string;
  /** What is read back. */
  readonly root: OutputListing;
  /** The same for the eye. */
  readonly where: string;
  /** Called when everything has been read. */
  end(): Promise<void>;
}

export type TargetSearch = { kind: 'found'; target: Target } | { kind: 'none'; why: string };

export async function findTarget(options: DemoOptions, story: Story): Promise<TargetSearch> {
  const found = await findPlace(options, story);
  if (found.kind === 'none') return found;
  const { target } = found;
  const root = new DecodedOutput(target.root, join(folder, 'audit'));
  return { kind: 'found', target: { ...target, sink: target.sink + filesText(options), root } };
}

/** The end of `sink:` in the pipeline file. */
export function filesText({ directory, format, compression }: Files): string {
  const lines = [`directory: ${JSON.stringify(directory)}`, `format: ${format}`];
  if (compression !== 'none') lines.push(`compression: ${compression}`);
  if (format !== 'ndjson') lines.push(`columns: ${JSON.stringify(COLUMNS)}`);
  return lines.map((line) => `\n  ${line}`).join('');
}

/** A target that says all but what files look like. */
async function findPlace({ sink, keep }: DemoOptions, story: Story): Promise<TargetSearch> {
  switch (sink) {
    case 's3':
      return await findBucket(keep, story);
    case 'hdfs':
      return await findCluster(keep, story);
    case 'file':
      return { kind: 'found', target: folderTarget() };
  }
}

function folderTarget(): Target {
  const root = join(folder, 'out');
  return {
    sink: '\n  type: file\n  path: ./out',
    store: ' { type: file, path: ./.sluice }',
    root: new FolderOutput(root),
    where: `${relative(process.cwd(), root)}/`,
    end: async () => {},
  };
}

async function findBucket(keep: boolean, story: Story): Promise<TargetSearch> {
  story.tell('s3', 'looking for a server: SLUICE_TEST_S3, then Docker, then versitygw (Go), then s3proxy (JVM)');
  const s3 = await findS3((line) => story.tell('s3', line));
  if (s3.kind === 'none') return s3;
  story.tell('s3', `${s3.endpoint} (${s3.how})`);
  const bucket = await S3Bucket.create(s3, `sluice-demo-${randomUUID().slice(0, 8)}`).catch(async (error) => {
    await s3.stop();
    throw error;
  });
  // The pipeline file names them, so that it holds no secret.
  process.env.SLUICE_DEMO_S3_KEY = s3.accessKeyId;
  process.env.SLUICE_DEMO_S3_SECRET = s3.secretAccessKey;
  const keys = `accessKeyId: "\${env:SLUICE_DEMO_S3_KEY}", secretAccessKey: "\${env:SLUICE_DEMO_S3_SECRET}"`;
  const place = (prefix: string) => `
  type: s3
  bucket: ${bucket.name}
  prefix: ${prefix}
  region: us-east-1
  endpoint: ${s3.endpoint}
  credentials: { ${keys} }`;
  const target = {
    sink: place('raw/clicks'),
    store: place('_sluice').replaceAll('\n  ', '\n    '),
    root: bucket.output('raw/clicks'),
    where: `s3://${bucket.name}/raw/clicks/`,
    end: async () => {
      try {
        if (keep && s3.how === 'SLUICE_TEST_S3') story.tell('bucket', `${bucket.name} is kept`);
        else await bucket.remove();
      } finally {
        await s3.stop();
      }
    },
  };
  return { kind: 'found', target };
}

async function findCluster(keep: boolean, story: Story): Promise<TargetSearch> {
  story.tell('hdfs', 'looking for a cluster: SLUICE_TEST_HDFS, then a NameNode and a DataNode as JVMs');
  const found = await findHdfs((line) => story.tell('hdfs', line));
  if (found.kind === 'none') return found;
  const { urls, user, how } = found;
  story.tell('hdfs', `${urls.join(', ')} (${how})`);
  const home = `/user/${user}/sluice-demo-${randomUUID().slice(0, 8)}`;
  const place = (path: string) => `
  type: hdfs
  urls: [${urls.map((url) => JSON.stringify(url)).join(', ')}]
  user: ${user}
  path: ${home}/${path}`;
  const target = {
    sink: place('clicks'),
    store: place('_sluice').replaceAll('\n  ', '\n    '),
    root: new HdfsOutput({ urls, user, root: `${home}/clicks` }),
    where: `hdfs:${home}/clicks/`,
    end: async () => {
      try {
        if (keep && how === 'SLUICE_TEST_HDFS') story.tell('hdfs', `${home} is kept`);
        else await webHdfs({ urls: [...urls], user }).delete(home, { recursive: true });
      } finally {
        await found.stop();
      }
    },
  };
  return { kind: 'found', target };
}
