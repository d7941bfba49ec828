import { BlockList, isIP } from 'node:net';

/** What a redirect is held against. */
export interface RedirectPolicy {
  /** Who redirects. */
  readonly from: string;
  /** Origins of the cluster’s own URLs. */
  readonly clusterOrigins: readonly string[];
  /** When given, the only hosts besides the cluster’s own: names, addresses, or `*.example.com`. */
  readonly dataNodeHosts?: readonly string[] | undefined;
}

export type RedirectVerdict =
  | {
      kind: 'follow';
      /** The Location, byte for byte. */
      url: string;
      /** It leads to a URL of the cluster, which may see what proves who we are. */
      isClusterOrigin: boolean;
    }
  | { kind: 'refuse'; why: string };

const NOWHERE = new BlockList();
NOWHERE.addSubnet('169.254.0.0', 16, 'ipv4');
NOWHERE.addSubnet('fe80::', 10, 'ipv6');
NOWHERE.addAddress('fd00:ec2::254', 'ipv6');
NOWHERE.addAddress('fd20:ce::254', 'ipv6');
NOWHERE.addAddress('100.100.100.200', 'ipv4');
NOWHERE.addAddress('192.0.0.192', 'ipv4');
NOWHERE.addAddress('168.63.129.16', 'ipv4');
const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'instance-data', 'instance-data.ec2.internal']);

/** Addresses where no DataNode is: of this link only, or of the services that hand out a machine’s credentials. */
export function isForbiddenAddress(address: string): boolean {
  const family = isIP(address);
  // An IPv4 address inside an IPv6 one is found too.
  return family !== 0 && NOWHERE.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether a Location may be asked, as it stands. Names are looked at again when they are resolved. */
export function judgeRedirect(text: string, policy: RedirectPolicy): RedirectVerdict {
  const refuse = (why: string): RedirectVerdict => ({ kind: 'refuse', why });
  if (!text.isWellFormed()) return refuse('it is not Unicode');
  // In JSON a NameNode leaves letters beyond ASCII as they are, in the header it does not.
  const location = text.replace(/[\u0080-\u{10ffff}]+/gu, encodeURIComponent);
  // What a parser of URLs would mend silently: it and the request might then mean two places.
  if (!/^[\x21-\x7e]+$/.test(location) || /[\\#]/.test(location)) return refuse('it is not a clean URL');
  if (!URL.canParse(location)) return refuse('it is not an absolute URL');
  const { protocol, hostname, origin, username, password } = new URL(location);
  if (protocol !== 'http:' && protocol !== 'https:') return refuse(`it is not HTTP but ${protocol}`);
  if (protocol === 'http:' && new URL(policy.from).protocol === 'https:') return refuse('it leads from HTTPS to HTTP');
  if (username !== '' || password !== '') return refuse('it holds a user or a password');
  if (isForbiddenHost(hostname)) return refuse(`${hostname} is an address where no DataNode is`);
  const isClusterOrigin = policy.clusterOrigins.includes(origin);
  if (!isClusterOrigin && policy.dataNodeHosts?.some((pattern) => matches(hostname, pattern)) === false)
    return refuse(`${hostname} is not among dataNodeHosts`);
  return { kind: 'follow', url: location, isClusterOrigin };
}

function isForbiddenHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return METADATA_NAMES.has(host) || isForbiddenAddress(host);
}

function matches(hostname: string, pattern: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
}
