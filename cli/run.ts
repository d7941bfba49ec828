import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import type { LogFields, Logger } from '../core/contract/env.ts';
import { exitCodeFor, type SluiceError, toSluiceError } from '../core/errors.ts';
import { systemEnv } from '../core/runtime/system-env.ts';
import { errorText, helpOf, stackText } from './error-text.ts';
import { loadPipelineFile } from './load.ts';
import { jsonLog, type LogFormat, prettyLog } from './log.ts';
import { Progress, progressFields, progressLine } from './progress.ts';
import { plainScreen, type Screen, terminalScreen } from './screen.ts';
import { stopSignals } from './stop-signals.ts';
import { elapsed, grouped } from './units.ts';

const REDRAW_MS = 500;
const REPORT_MS = 10_000;
/** By then everything a run needs is loaded, and the first checkpoint is made. */
const FLUSH_AFTER_MS = 3_000;

export interface RunCommand {
  readonly newLineage?: boolean;
  readonly logFormat?: LogFormat;
  readonly debug?: boolean;
}

/** `sluice run`: the exit code of the run. Throws what is wrong with the file; a failed run is reported here. */
export async function run(file: string, { newLineage = false, logFormat, debug = false }: RunCommand): Promise<number> {
  const [{ pipeline }, loaded] = await Promise.all([import('../core/index.ts'), loadPipelineFile(file)]);
  const onTerminal = process.stderr.isTTY === true;
  const format = logFormat ?? (onTerminal ? 'pretty' : 'json');
  const screen = onTerminal && format === 'pretty' ? terminalScreen(process.stderr) : plainScreen(process.stderr);
  const { name } = loaded.options;
  const { redactText } = loaded;
  const log = format === 'json' ? await jsonLog(name, { debug, redactText }) : prettyLog(screen, { debug, redactText });
  const forMachines = (fields: LogFields) => (format === 'json' ? fields : {});
  for (const warning of loaded.warnings) log.warn(warning);

  const progress = new Progress(() => performance.now());
  const startedMs = performance.now();
  const stopReports = report(progress, { name, log, screen, live: onTerminal && format === 'pretty' });
  const stop = stopSignals({
    onFirst: () => {
      progress.stopping();
      log.info('stopping: the last checkpoint is being made; a second signal stops at once');
    },
    onSecond: () => {
      log.warn('stopped at once; nothing is lost: the next start goes on from the last checkpoint');
      screen.end();
      process.exit(1);
    },
  });
  const { source, sink } = loaded.options;
  const { configHash } = loaded;
  log.info(`starting: ${source.type} -> ${sink.type}`, forMachines({ config: loaded.redacted, configHash }));
  keepCompiledCode();
  // Thrown where nobody waits: a bug. The state is safe wherever it happens, and going on is not.
  process.once('uncaughtException', (thrown) => {
    stopReports();
    reportFailure(toSluiceError(thrown), { log, format, debug, redactText });
    process.exit(1);
  });
  try {
    const env = systemEnv({ host: hostname(), log, metrics: progress });
    const { reason } = await pipeline(loaded.options).run({ signal: stop.signal, env, newLineage, configHash });
    stopReports();
    const end = progress.snapshot();
    const amount = `${grouped(end.records)} records in ${grouped(end.files)} ${end.files === 1 ? 'file' : 'files'}`;
    log.info(`${reason}: ${amount} in ${elapsed(performance.now() - startedMs)}`, forMachines(progressFields(end)));
    return 0;
  } catch (thrown) {
    stopReports();
    const error = toSluiceError(thrown);
    reportFailure(error, { log, format, debug, redactText });
    return exitCodeFor(error.kind);
  } finally {
    stop.release();
  }
}

/** Node saves compiled code when it exits in order; one that is always killed would start cold for ever. */
function keepCompiledCode(): void {
  setTimeout(flushCompileCache, FLUSH_AFTER_MS).unref();
}

interface Reporting {
  readonly name: string;
  readonly log: Logger;
  readonly screen: Screen;
  readonly live: boolean;
}

/** The live line twice a second on a terminal, else a log line now and then. */
function report(progress: Progress, { name, log, screen, live }: Reporting): () => void {
  const show = live
    ? () => screen.live(progressLine(name, progress.snapshot()))
    : () => log.info('progress', progressFields(progress.snapshot()));
  progress.snapshot();
  if (live) show();
  const timer = setInterval(show, live ? REDRAW_MS : REPORT_MS);
  return () => {
    clearInterval(timer);
    if (live) show();
    screen.end();
  };
}

interface Failing {
  readonly log: Logger;
  readonly format: LogFormat;
  readonly debug: boolean;
  readonly redactText: (text: string) => string;
}

function reportFailure(error: SluiceError, { log, format, debug, redactText }: Failing): void {
  if (format === 'pretty') {
    process.stderr.write(`${redactText(errorText(error, { debug }))}\n`);
    return;
  }
  const { kind, code, details } = error;
  const stack = debug || kind === 'bug' ? { stack: stackText(error) } : {};
  log.error(error.message, { kind, code, help: helpOf(error), exitCode: exitCodeFor(kind), details, ...stack });
}
