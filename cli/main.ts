import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { exitCodeFor, toSluiceError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { errorText } from './error-text.ts';
import type { RunCommand } from './run.ts';

/** The command line. Returns the exit code: 0 done, 1 failed, 2 configuration or usage, 3 fenced, 4 data loss refused. */
export async function main(argv: readonly string[]): Promise<number> {
  // A closed terminal or pipe must not end a pipeline that writes elsewhere.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const outcome = { exitCode: 0 };
  const program = commands(outcome);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return outcome.exitCode;
  } catch (thrown) {
    // Commander has printed its message already; its own exit code for wrong usage is 1.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    const error = toSluiceError(thrown);
    process.stderr.write(`${errorText(error, { debug: argv.includes('--debug') })}\n`);
    return exitCodeFor(error.kind);
  }
}

/** Commands load what they need when they run: start-up time is part of every recovery. */
function commands(outcome: { exitCode: number }): Command {
  const program = new Command('sluice')
    .description('Moves records from Kafka into files, exactly once.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(sluice --help lists the commands)');

  program
    .command('run')
    .description('run the pipeline until its source ends or it is stopped')
    .argument('<pipeline.yaml>')
    .option('--new-lineage', 'take over an output that was written with another state')
    .addOption(
      new Option('--log-format <format>', 'how to log; by default pretty on a terminal').choices(['json', 'pretty']),
    )
    .option('--debug', 'log more, and stack traces with errors')
    .action(async (file: string, options: RunCommand) => {
      const { run } = await import('./run.ts');
      outcome.exitCode = await run(file, options);
    });

  program
    .command('validate')
    .description('check the pipeline file; opens no connection')
    .argument('<pipeline.yaml>')
    .option('--debug', 'stack traces with errors')
    .action(async (file: string) => {
      const { validate } = await import('./validate.ts');
      const { summary, warnings } = await validate(file);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      process.stdout.write(`${summary}\n`);
    });

  program
    .command('doctor')
    .description('connect, and look for what will hurt later; undoes whatever it tries')
    .argument('<pipeline.yaml>')
    .option('--debug', 'stack traces with errors')
    .action(async (file: string) => {
      const { doctor } = await import('./doctor.ts');
      outcome.exitCode = await doctor(file, (line) => process.stdout.write(`${line}\n`));
    });

  program
    .command('schema')
    .description('print the JSON Schema of pipeline files, for editors')
    .action(async () => {
      const { schema } = await import('./schema.ts');
      process.stdout.write(`${await schema()}\n`);
    });

  const checkpoints = program.command('checkpoints').description('look at the checkpoints of a pipeline');
  checkpoints
    .command('list')
    .description('list the checkpoints that are kept')
    .argument('<pipeline.yaml>')
    .action(async (file: string) => {
      const { listCheckpoints } = await import('./checkpoints.ts');
      process.stdout.write(`${await listCheckpoints(file)}\n`);
    });
  checkpoints
    .command('show')
    .description('print one checkpoint, by default the newest')
    .argument('<pipeline.yaml>')
    .argument('[slot]', 'its number', slotNumber)
    .action(async (file: string, slot: number | undefined) => {
      const { showCheckpoint } = await import('./checkpoints.ts');
      process.stdout.write(`${await showCheckpoint(file, slot)}\n`);
    });
  const resolve = checkpoints
    .command('resolve')
    .description('decide about commits that were lost; stops an instance that runs')
    .argument('<pipeline.yaml>')
    .addOption(new Option('--accept-lost', 'go on without them: a reader has taken them').conflicts('replay'))
    .option('--replay', 'read their offsets again')
    .requiredOption('--reason <text>', 'why, for the checkpoint log')
    .action(async (file: string, { acceptLost, replay, reason }: ResolveCommand) => {
      if (acceptLost === replay) resolve.error('error: expected --accept-lost or --replay');
      const { resolveCheckpoints } = await import('./checkpoints.ts');
      const text = await resolveCheckpoints(file, replay === true ? 'replay' : 'acceptLost', reason);
      process.stdout.write(`${text}\n`);
    });

  const orphans = program.command('orphans').description('look at what crashed runs have staged');
  orphans
    .command('list')
    .description('list what nobody will commit; discards nothing')
    .argument('<pipeline.yaml>')
    .action(async (file: string) => {
      const { listOrphans } = await import('./orphans.ts');
      process.stdout.write(`${await listOrphans(file)}\n`);
    });

  return program;
}

interface ResolveCommand {
  readonly acceptLost?: true;
  readonly replay?: true;
  readonly reason: string;
}

function slotNumber(text: string): number {
  const seq = Number(text);
  if (Number.isSafeInteger(seq) && seq > 0) return seq;
  throw new InvalidArgumentError('Expected the number of a slot, 1 or more.');
}
