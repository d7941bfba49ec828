import type { DiagnosisContext, Finding, SluiceError } from '../../core/spi.ts';
import { RegistryClient } from './client.ts';
import { orAborted } from './or-aborted.ts';
import type { RegistrySettings } from './settings.ts';

/** Whether each server of a registry answers as a pipeline needs it. */
export async function diagnoseRegistry(
  settings: RegistrySettings,
  { env, signal }: Pick<DiagnosisContext, 'env' | 'signal'>,
): Promise<Finding[]> {
  await using client = new RegistryClient({ settings, env });
  const failures: (SluiceError | undefined)[] = [];
  for (const url of settings.urls) failures.push(await orAborted(client.failureAt(url), signal));
  // Another server is asked then: nothing stands still yet.
  const bad = failures.includes(undefined) ? 'warning' : 'problem';
  return failures.map((failure, index) =>
    failure === undefined
      ? { level: 'good', what: `the schema registry at ${settings.urls[index]} answers` }
      : { level: failure.kind === 'unavailable' ? bad : 'problem', what: failure.message, help: failure.help },
  );
}
