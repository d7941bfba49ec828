import { systemEnv } from '../core/runtime/system-env.ts';
import { loadPipelineFile } from './load.ts';
import { settingsLine } from './settings-line.ts';

/** `sluice validate`: what the file says, in a few lines. Opens no connection and writes nothing. */
export async function validate(file: string): Promise<{ summary: string; warnings: readonly string[] }> {
  const { options, redacted, warnings, redactText } = await loadPipelineFile(file);
  const { source, sink, checkpoints } = options;
  const store = checkpoints.store ?? sink.rootStore(systemEnv());
  const where =
    store === undefined ? '' : ` in ${store.identity}${checkpoints.store ? '' : " (default: under the sink's root)"}`;
  const rows = [
    ['pipeline', options.name],
    ['source', `${source.type}: ${settingsLine(redacted.source)}`],
    ['sink', `${sink.type}: ${settingsLine(redacted.sink)}`],
    ['checkpoints', `every ${checkpoints.interval ?? '10s'}${redactText(where)}`],
    ['ends', source.bounded ? 'once everything is read (bounded)' : 'when it is stopped'],
  ];
  const lines = rows.map(([label, text]) => `  ${label?.padEnd(11)}  ${text}`);
  return { summary: [`${file} is valid`, ...lines].join('\n'), warnings };
}
