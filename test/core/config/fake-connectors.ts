import { z } from 'zod';
import { duration, secret, size } from '../../../core/config/fields.ts';
import type { ConnectorRegistry } from '../../../core/config/registry.ts';
import type { Connector, CreateContext } from '../../../core/contract/connector.ts';
import type { Sink } from '../../../core/contract/sink.ts';
import type { Source } from '../../../core/contract/source.ts';
import type { Store } from '../../../core/contract/store.ts';
import { SluiceError } from '../../../core/errors.ts';

/** What a fake connector makes: the settings and the context it was given. */
export interface Made {
  readonly settings: Record<string, unknown>;
  readonly context: CreateContext;
}

const queueSettings = z
  .strictObject({
    type: z.literal('queue').describe('A queue.'),
    hosts: z
      .array(z.string().regex(/^\S+:\d+$/, 'expected host:port'))
      .min(1)
      .describe('Hosts of the queue.'),
    topics: z.array(z.string()).min(1, 'expected at least one topic').optional().describe('Topics to read.'),
    pattern: z.string().optional().describe('Pattern of topics.'),
    start: z
      .union([
        z.enum(['earliest', 'latest']),
        z.strictObject({ timestamp: z.string() }),
        z.strictObject({ offsets: z.record(z.string(), z.int()) }),
      ])
      .prefault('earliest')
      .describe('Where to begin.'),
    wait: duration({ minMs: 10, maxMs: 60_000 }).prefault('1s').describe('How long to wait.'),
    login: z
      .union([
        z.strictObject({ mechanism: z.enum(['plain', 'scram']), user: z.string(), password: secret() }),
        z.strictObject({ mechanism: z.literal('token'), command: z.array(z.string()).min(1) }),
      ])
      .optional()
      .describe('Who reads.'),
    token: z
      .custom<() => string>((value) => typeof value === 'function')
      .meta({ inCodeOnly: true })
      .optional(),
  })
  .refine(({ topics, pattern }) => (topics === undefined) !== (pattern === undefined), {
    message: 'expected either topics or pattern',
    path: ['topics'],
  });

const folderSettings = z.strictObject({
  type: z.literal('folder'),
  path: z.string().min(1).describe('Folder to write to.'),
  partBytes: size().prefault('1MiB').describe('Size of a part.'),
});

const folderStoreSettings = z.strictObject({ type: z.literal('folder'), path: z.string().min(1) });

const made = <T>(settings: object, context: CreateContext) => ({ settings, context }) as unknown as T;

const queue: Connector = {
  type: 'queue',
  source: { settings: queueSettings, create: (settings, context) => made<Source>(settings as object, context) },
};

const folder: Connector = {
  type: 'folder',
  sink: {
    settings: folderSettings,
    create: (settings, context) => {
      const { path } = settings as z.output<typeof folderSettings>;
      if (path === '/') {
        throw new SluiceError('config', 'FOLDER_ROOT', {
          message: 'the root cannot be a sink',
          help: 'choose a folder',
        });
      }
      if (path.endsWith('denied')) throw new SluiceError('config', 'FOLDER_DENIED', { message: `${path} is denied` });
      return made<Sink>(settings as object, context);
    },
  },
  store: { settings: folderStoreSettings, create: (settings, context) => made<Store>(settings as object, context) },
};

/** One source, one that is sink and store, and what was loaded of them. */
export function fakeRegistry(): { registry: ConnectorRegistry; loaded: string[] } {
  const loaded: string[] = [];
  const load = (connector: Connector) => async () => {
    loaded.push(connector.type);
    return connector;
  };
  return { registry: { folder: load(folder), queue: load(queue) }, loaded };
}
