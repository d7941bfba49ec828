import { requireJars } from './jars.ts';
import { requireS3 } from './s3-server.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

// What tests start servers from, so that the first of them does not wait for it. One thing missing is said and no more:
// whoever needs it decides.
for (const profile of ['kafka', 'hdfs', 'httpfs']) {
  const jars = await requireJars(profile, say);
  say(`${profile}: ${jars.kind === 'ready' ? 'ready' : jars.why}`);
}
for (const kind of ['s3proxy', 'versitygw'] as const) {
  await requireS3(kind, say).then(
    () => say(`${kind}: ready`),
    (error: Error) => say(`${kind}: ${error.message}`),
  );
}
