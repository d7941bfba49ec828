import { z } from 'zod';
import { secret } from '../../core/spi.ts';
import { checkOutputSettings, outputSettings } from '../filesink/settings.ts';
import { whyNoPath } from './webhdfs/path.ts';

const url = z
  .url({ protocol: /^https?$/, error: 'expected a URL, for example http://namenode:9870' })
  .refine((text) => !/[?#@]/.test(text), 'expected a URL without user, password and parameters')
  .transform((text) => text.replace(/\/+$/, '').replace(/\/webhdfs\/v1$/, ''));

/** How to prove who asks. */
const hdfsAuth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('simple').describe('The cluster believes the name in `user`.') }),
  z.strictObject({
    type: z.literal('delegationToken').describe('A token that somebody else got and renews.'),
    token: secret().describe('As hdfs fetchdt --print or GETDELEGATIONTOKEN gives it (urlString).'),
  }),
  z.strictObject({
    type: z.literal('kerberos').describe('SPNEGO by the package kerberos, then delegation tokens of our own.'),
    renewer: z.string().min(1).optional().describe('Short name of our own principal; `user` when left out.'),
  }),
  z.strictObject({
    type: z.literal('basic').describe('User and password, for Knox.'),
    username: z.string().min(1).describe('User.'),
    password: secret().describe('Password.'),
  }),
  z.strictObject({
    type: z.literal('bearer').describe('A token in the Authorization header, for Knox.'),
    token: secret().describe('The token.'),
  }),
]);

export type HdfsAuth = z.output<typeof hdfsAuth>;

/** How to reach a cluster, and as whom. */
export const hdfsConnectionSettings = {
  urls: z
    .array(url)
    .min(1)
    .max(16)
    .describe(
      'Every NameNode (http://namenode:9870), or one HttpFS gateway or Knox topology. HTTPS: authorities of your own by NODE_EXTRA_CA_CERTS.',
    ),
  user: z.string().min(1).optional().describe('Who owns the files, where the cluster believes a name (auth simple).'),
  auth: hdfsAuth.prefault({ type: 'simple' }).describe('How to prove who asks; `simple` when left out.'),
  server: z
    .enum(['auto', 'namenode', 'httpfs'])
    .prefault('auto')
    .describe('What urls name. `auto` finds out by its answers; HttpFS renames less strictly.'),
  dataNodeHosts: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('The only hosts that a NameNode may send us to: names, addresses or *.example.com. Any when left out.'),
};

export type HdfsConnection = z.output<z.ZodObject<typeof hdfsConnectionSettings>>;

/** What one key alone does not show; for `superRefine`. */
export function checkHdfsConnection(
  { urls, user, auth }: Pick<HdfsConnection, 'urls' | 'user' | 'auth'>,
  context: z.core.$RefinementCtx,
): void {
  const issue = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (auth.type === 'simple' && user === undefined)
    issue(['user'], 'expected a user: with auth simple the cluster believes a name');
  // Also asked about what is no URL, which has an issue of its own by then.
  const schemes = urls.flatMap((text) => /^https?(?=:)/i.exec(text)?.[0].toLowerCase() ?? []);
  if (new Set(schemes).size > 1)
    issue(['urls'], 'expected all http or all https: else a token meant for one is seen by others');
}

const directory = (description: string) =>
  z
    .string()
    .transform((text) => (text === '/' ? text : text.replace(/\/$/, '')))
    .superRefine((path, context) => {
      const why = path === '/' ? 'expected a directory below the root' : whyNoPath(path);
      if (why !== undefined) context.addIssue({ code: 'custom', message: why });
    })
    .describe(description);

/** `sink: { type: hdfs, ... }`. */
export const hdfsSettings = z
  .strictObject({
    type: z.literal('hdfs'),
    ...hdfsConnectionSettings,
    path: directory(
      'The directory that files go to; `directory` says how they are sorted below it. Made when it does not exist.',
    ),
    permission: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'expected octal digits, for example 640')
      .optional()
      .describe('Of files, octal; what the cluster gives when left out.'),
    replication: z.int().min(1).max(512).optional().describe('Of files; what the cluster gives when left out.'),
    ...outputSettings,
  })
  .superRefine(checkHdfsConnection)
  .superRefine(checkOutputSettings)
  .superRefine(({ roll }, context) => {
    if (roll.onCheckpoint) return;
    // A lease cannot be proven to be over, and a zombie could go on writing.
    const message =
      'files in HDFS end at every checkpoint: leave this out, and raise checkpoints.interval for larger files';
    context.addIssue({ code: 'custom', path: ['roll', 'onCheckpoint'], message });
  });

/** `checkpoints.store: { type: hdfs, ... }`. */
export const hdfsStoreSettings = z
  .strictObject({
    type: z.literal('hdfs'),
    ...hdfsConnectionSettings,
    path: directory('The directory that checkpoints are kept in. Made when it does not exist.'),
  })
  .superRefine(checkHdfsConnection);
