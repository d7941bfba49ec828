import { z } from 'zod';
import { duration, secret } from '../../core/spi.ts';

const url = z
  .url({ protocol: /^https?$/, error: 'expected a URL, for example http://registry:8081' })
  .refine((text) => !/[?#@]/.test(text), 'expected a URL without user, password and parameters')
  .transform((text) => text.replace(/\/+$/, ''));

const registryAuth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none').describe('The registry asks nobody who they are.') }),
  z.strictObject({
    type: z.literal('basic').describe('User and password, or an API key and its secret.'),
    username: z.string().min(1).describe('User, or API key.'),
    password: secret().describe('Password, or the secret of the key.'),
  }),
  z.strictObject({
    type: z.literal('bearer').describe('A token in the Authorization header.'),
    token: secret().describe('The token.'),
  }),
]);

/** `registry: { urls, ... }`: where schemas are. */
export const registrySettings = z
  .strictObject({
    urls: z
      .array(url)
      .min(1)
      .max(16)
      .describe('Every server of one schema registry, with its path if it has one; another is asked when one is away.'),
    auth: registryAuth.prefault({ type: 'none' }).describe('How to prove who asks; `none` when left out.'),
    timeout: duration({ minMs: 100, maxMs: 300_000 })
      .prefault('10s')
      .describe('How long one answer may take; then it is asked for again.'),
    ca: z
      .string()
      .refine((text) => text.includes('-----BEGIN '), `expected PEM text, for example \${file:ca.pem}`)
      .optional()
      .describe('Certificates (PEM) of the authorities to trust, instead of those that Node knows.'),
  })
  .superRefine(({ urls, auth, ca }, context) => {
    const issue = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    // Also asked about what is no URL, which has an issue of its own by then.
    const schemes = new Set(urls.flatMap((text) => /^https?(?=:)/i.exec(text)?.[0].toLowerCase() ?? []));
    if (schemes.size > 1 && auth.type !== 'none')
      issue(['urls'], 'expected all http or all https: else what proves who asks is seen by others');
    if (ca !== undefined && !schemes.has('https')) issue(['ca'], 'expected urls with https, which alone need it');
  });

export type RegistrySettings = z.output<typeof registrySettings>;

/** `value: { format, ... }` of a source: what its values are, which are JSON from there on. */
export const valueSettings = z
  .strictObject({
    format: z
      .enum(['avro', 'jsonSchema', 'json', 'string', 'bytes'])
      .describe(
        'What values are. `avro`: Avro by the schema of a registry. `jsonSchema`: JSON behind the id of a schema, which is not ' +
          'looked at. `json`: checked, and passed on. `string`: UTF-8 that becomes a JSON string. `bytes`: base64 of any bytes.',
      ),
    registry: registrySettings.optional().describe('The schema registry, of `avro` only.'),
  })
  .superRefine(({ format, registry }, context) => {
    const issue = (message: string) => context.addIssue({ code: 'custom', path: ['registry'], message });
    if (format === 'avro' && registry === undefined)
      issue('format avro needs a registry, for example {urls: [http://registry:8081]}');
    if (format !== 'avro' && registry !== undefined) issue(`format ${format} has no registry; it belongs to avro`);
  });

export type ValueSettings = z.output<typeof valueSettings>;
