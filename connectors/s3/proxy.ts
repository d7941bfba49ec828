import type { AgentOptions } from 'node:http';
import { SluiceError } from '../../core/spi.ts';
import { isThisMachine } from './checksum.ts';

/** Variables of the environment, for example `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The first Node of each line that can do it. */
const NODE_WITH_PROXIES = [
  [22, 21],
  [24, 5],
] as const;
const NEWER_MAJORS_FROM = 25;
/** Whatever NO_PROXY says, as an endpoint may also come from AWS_ENDPOINT_URL. */
const THIS_MACHINE = ['localhost', '127.0.0.1-127.255.255.255', '[::1]'];

/** A proxy that requests to the store go through, unless NO_PROXY names its host. */
export interface StoreProxy {
  /** Without user and password. */
  readonly address: string;
  /** Where it is said. */
  readonly variable: string;
  readonly url: string;
}

/** The proxy for the store at `endpoint` (AWS when undefined). This machine itself is never behind one. */
export function proxyFor(endpoint: string | undefined, environment: Environment): StoreProxy | undefined {
  if (endpoint !== undefined && isThisMachine(endpoint)) return undefined;
  return proxyNamed(endpoint?.startsWith('http://') === true ? 'http' : 'https', environment);
}

/**
 * What agents of Node need to know for going through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, in either
 * case. Throws what the user has to mend: Node by itself ignores what it does not understand.
 */
export function proxyEnvOf(
  endpoint: string | undefined,
  environment: Environment,
  nodeVersion: string = process.versions.node,
): Pick<AgentOptions, 'proxyEnv'> {
  const used = proxyFor(endpoint, environment);
  if (used === undefined) return {};
  if (!knowsProxies(nodeVersion)) {
    throw new SluiceError('config', 'S3_PROXY', {
      message: `${used.variable} names a proxy, ${used.address}, and Node ${nodeVersion} cannot use it`,
      help: `Use Node 22.21, 24.5 or newer, or start Sluice without ${used.variable} if the store is reached without a proxy.`,
    });
  }
  // Credentials come over HTTPS even for a store without.
  const https = proxyNamed('https', environment)?.url;
  const http = proxyNamed('http', environment)?.url;
  const direct = environment.no_proxy || environment.NO_PROXY || '';
  return { proxyEnv: { https_proxy: https, http_proxy: http, no_proxy: [direct, ...THIS_MACHINE].join(',') } };
}

/** Lower case first, as Node and curl have it. An empty variable is none. */
function proxyNamed(protocol: 'http' | 'https', environment: Environment): StoreProxy | undefined {
  const names = [`${protocol}_proxy`, `${protocol}_proxy`.toUpperCase()];
  const variable = names.find((name) => (environment[name] ?? '') !== '');
  if (variable === undefined) return undefined;
  const text = environment[variable] as string;
  const url = text.includes('://') ? text : `http://${text}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    // The text may hold a password.
    throw new SluiceError('config', 'S3_PROXY', {
      message: `${variable} is not the URL of an HTTP proxy`,
      help: `Set ${variable} to http://host:port or http://user:password@host:port; SOCKS proxies are not supported.`,
    });
  }
  return { address: `${parsed.protocol}//${parsed.host}`, variable, url };
}

function knowsProxies(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  return major >= NEWER_MAJORS_FROM || NODE_WITH_PROXIES.some((first) => first[0] === major && minor >= first[1]);
}
