import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { JvmDaemon } from './hdfs-daemon.ts';
import { requireJars } from './jars.ts';
import { freePort } from './process.ts';

/** A schema registry of a test's own, with the REST API of Confluent: Apicurio, which keeps schemas in memory. */
export interface TestRegistry {
  /** With the path of that API. */
  readonly url: string;
  /** The id of a new version of the subject. */
  register(subject: string, schema: object, references?: readonly object[]): Promise<number>;
  /** kill -9; what it had is gone. */
  kill(): Promise<void>;
}

const API = '/apis/ccompat/v7';

/** It ends with the test. Undefined where none can be had: the test is skipped then. */
export async function testRegistry(t: TestContext): Promise<TestRegistry | undefined> {
  const jars = await requireJars('apicurio', (line) => t.diagnostic(line), 'archive-pom.xml');
  if (jars.kind === 'missing') {
    if (process.env.CI === 'true') throw new Error(jars.why);
    t.skip(jars.why);
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-registry-'));
  const log = join(dir, 'log');
  mkdirSync(log);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}${API}`;
  const daemon = new JvmDaemon({
    name: 'Apicurio Registry',
    url,
    args: [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
      ...['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`],
      ...['-cp', jars.classPath, 'io.quarkus.runner.GeneratedMain'],
    ],
    logPath: join(log, 'registry.log'),
    ownedDir: dir,
    isReady: async () => (await fetch(`${url}/schemas/types`, { signal: AbortSignal.timeout(5_000) })).ok,
  });
  t.after(() => daemon.end());
  await daemon.start();
  return {
    url,
    register: (subject, schema, references = []) => register(url, subject, schema, references),
    kill: () => daemon.kill(),
  };
}

async function register(url: string, subject: string, schema: object, references: readonly object[]): Promise<number> {
  const answer = await fetch(`${url}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema), ...(references.length > 0 && { references }) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${subject} was not registered: HTTP ${answer.status}, ${text}`);
  return (JSON.parse(text) as { id: number }).id;
}
