import { z } from 'zod';
import { duration, size } from './fields.ts';

/** Everything of a pipeline but its source, sink and store: the same keys in YAML and in code. */
export const pipelineSettings = {
  name: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9_-]{0,62}$/,
      'expected lower-case letters, digits, - and _, at most 63, starting with a letter or digit',
    )
    .describe(
      'Name of the pipeline: part of every file name and of the checkpoint path. Never change it while state exists.',
    ),
  memory: size({ minBytes: 16 * 1024 * 1024 })
    .prefault('96MiB')
    .describe('Memory for records between source and sink, over the whole process.'),
  shutdownTimeout: duration({ minMs: 100 })
    .prefault('25s')
    .describe('How long an orderly stop may take, final checkpoint included.'),
  restart: z
    .strictObject({
      attempts: z
        .int()
        .min(0)
        .prefault(10)
        .describe(
          'Restarts without a new checkpoint before giving up. An unbounded run waits for ever for what is only away.',
        ),
    })
    .prefault({})
    .describe('Restarts after a failure.'),
};

/** `checkpoints`, without the store, which is a connector of its own. */
export const checkpointSettings = {
  interval: duration({ minMs: 10 }).prefault('10s').describe('Time from one checkpoint to the next.'),
  timeout: duration({ minMs: 100 })
    .prefault('10m')
    .describe('A checkpoint that takes longer ends the run; it is restarted.'),
  minPause: duration().prefault('0s').describe('Least time between the end of a checkpoint and the next.'),
  retain: z.int().min(2).prefault(3).describe('Checkpoints to keep that moved a position.'),
};
