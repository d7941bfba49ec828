import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { fromTokenFile } from '@aws-sdk/credential-provider-web-identity';
import { mayLeaveUnsigned } from './checksum.ts';
import { type Environment, proxyEnvOf } from './proxy.ts';
import type { ConnectionSettings } from './settings.ts';

/** Parts on their way, commits, listings and slots at a time; one more request waits for a socket. */
const SOCKETS_MAX = 64;
const CONNECT_MS = 5_000;
/** Without a byte in either direction. */
const SILENCE_MS = 30_000;
/** Enough for the assembling of a large file. */
const REQUEST_MS = 120_000;
/** What each of the parts on their way gets of a slow line, at least: all of them share 2 Mbit/s. */
const BYTES_PER_MS_MIN = 16;

/** What else the SDK would look for in the files of AWS, of no use for a store elsewhere with keys of its own. */
const NOT_FROM_PROFILE = {
  authSchemePreference: ['sigv4'],
  sigv4aSigningRegionSet: ['*'],
  disableMultiregionAccessPoints: true,
  disableS3ExpressSessionAuth: true,
  useArnRegion: false,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: 'sluice',
} as const satisfies S3ClientConfig;

/** Only these carry bodies worth not hashing. */
const UNSIGNED_COMMANDS: ReadonlySet<string> = new Set(['PutObjectCommand', 'UploadPartCommand']);

/** How long a request with a body of so many bytes may take. A line that is dead is noticed by its silence, long before. */
export const requestMsFor = (bytes: number): number => REQUEST_MS + Math.ceil(bytes / BYTES_PER_MS_MIN);

export type RequestHandler = NonNullable<S3ClientConfig['requestHandler']>;

export interface ClientOptions {
  readonly settings: ConnectionSettings;
  /** Instead of sockets: tests and the simulator answer requests themselves. */
  readonly requestHandler?: RequestHandler | undefined;
  /** Names proxies; without it there is none. */
  readonly environment?: Environment | undefined;
}

/** The one place where a client of the SDK is made. It sends each request once: what is repeated, and how, is ours to say. */
export function makeClient({ settings, requestHandler, environment = {} }: ClientOptions): S3Client {
  const { region, endpoint, pathStyle, credentials, profile, roleArn, checksums } = settings;
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX, ...proxyEnvOf(endpoint, environment) };
  const client = new S3Client({
    // Stores that are not AWS sign with any region, but the SDK wants one.
    ...(region === undefined && endpoint !== undefined ? { region: 'us-east-1' } : definedOnly({ region })),
    ...definedOnly({ endpoint, profile, credentials: credentials && definedOnly(credentials) }),
    ...(roleArn === undefined ? {} : { credentials: fromTokenFile({ roleArn }) }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    maxAttempts: 1,
    retryMode: 'standard',
    defaultsMode: 'standard',
    followRegionRedirects: false,
    ...(endpoint === undefined || credentials === undefined ? {} : NOT_FROM_PROFILE),
    // Costs a round trip and a connection of its own per part.
    expectContinueHeader: false,
    // CRC32s are made where the bytes are; what is not asked for is not checked.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: requestHandler ?? {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  if (mayLeaveUnsigned(endpoint, checksums)) leaveUnsigned(client);
  return client;
}

/** The signer takes the header as it is instead of hashing the body. */
function leaveUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        if (UNSIGNED_COMMANDS.has(commandName ?? '')) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        return next(args);
      },
    { step: 'build', name: 'leaveUnsigned' },
  );
}

/** The SDK tells a key that is undefined from one that is absent. */
function definedOnly<T extends object>(settings: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const defined = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as { [K in keyof T]: Exclude<T[K], undefined> };
}
