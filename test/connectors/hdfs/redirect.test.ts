import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForbiddenAddress, judgeRedirect } from '../../../connectors/hdfs/webhdfs/redirect.ts';

const judge = (location: string, { from = 'http://nn:9870/webhdfs/v1/a', dataNodeHosts }: Options = {}) =>
  judgeRedirect(location, { from, clusterOrigins: [new URL(from).origin], dataNodeHosts });
interface Options {
  from?: string;
  dataNodeHosts?: string[];
}

test('a Location is followed unchanged', () => {
  for (const location of [
    'http://dn1:9864/webhdfs/v1/a%20b/..%2f/100%25+x?op=CREATE&delegation=HAAE&overwrite=false',
    'http://10.0.0.7:9864/webhdfs/v1/a',
    'http://[2001:db8::7]:9864/webhdfs/v1/a',
    'https://dn1:9865/webhdfs/v1/a',
  ])
    assert.deepEqual(judge(location), { kind: 'follow', url: location, isClusterOrigin: false });
});

test('letters beyond ASCII, which a NameNode leaves in JSON, are encoded; nothing else is', () => {
  const verdict = judge('http://dn1:9864/webhdfs/v1/uü😀%20x?op=CREATE');

  assert.deepEqual(verdict, {
    ...{ kind: 'follow', isClusterOrigin: false },
    url: 'http://dn1:9864/webhdfs/v1/u%C3%BC%F0%9F%98%80%20x?op=CREATE',
  });
});

test('only the same scheme, host and port are the cluster itself', () => {
  const isCluster = (location: string) => judge(location, { from: 'https://nn:9871/webhdfs/v1/a' });

  assert.deepEqual(isCluster('https://nn:9871/webhdfs/v1/a?data=true').kind, 'follow');
  assert.equal((isCluster('https://nn:9871/x') as { isClusterOrigin: boolean }).isClusterOrigin, true);
  assert.equal((isCluster('https://nn:9864/x') as { isClusterOrigin: boolean }).isClusterOrigin, false);
  assert.equal((isCluster('https://nn.example:9871/x') as { isClusterOrigin: boolean }).isClusterOrigin, false);
});

test('a redirect that leads anywhere else than to a DataNode is refused, saying why', () => {
  const refused: [string, RegExp][] = [
    ['http://169.254.169.254/latest/meta-data', /no DataNode/],
    ['http://0xA9FEA9FE/latest', /no DataNode/],
    ['http://2852039166/latest', /no DataNode/],
    ['http://[::ffff:169.254.169.254]/latest', /no DataNode/],
    ['http://[fe80::1]:9864/x', /no DataNode/],
    ['http://[febf::1]:9864/x', /no DataNode/],
    ['http://[fd00:ec2::254]/latest', /no DataNode/],
    ['http://100.100.100.200/latest', /no DataNode/],
    ['http://metadata.google.internal/computeMetadata', /no DataNode/],
    ['http://Metadata.Google.Internal./computeMetadata', /no DataNode/],
    ['ftp://dn1/x', /not HTTP/],
    ['file:///etc/passwd', /not HTTP/],
    ['/webhdfs/v1/a?op=CREATE', /not an absolute URL/],
    ['http://user:secret@dn1:9864/x', /user or a password/],
    ['http://dn1:9864\\@evil/x', /not a clean URL/],
    ['http://dn1:9864/a b', /not a clean URL/],
    ['http://dn1:9864/a\r\nHost: evil', /not a clean URL/],
    ['http://dn1:9864/a#b', /not a clean URL/],
    ['http://dn1:9864/\ud800', /not Unicode/],
    ['', /not a clean URL/],
  ];
  for (const [location, why] of refused) {
    const verdict = judge(location);
    assert.equal(verdict.kind, 'refuse', location);
    assert.match((verdict as { why: string }).why, why, location);
  }
});

test('HTTPS does not become HTTP', () => {
  assert.match((judge('http://dn1:9864/x', { from: 'https://nn:9871/' }) as { why: string }).why, /HTTPS to HTTP/);
});

test('an allow-list holds names, addresses and whole domains, and the cluster itself is always on it', () => {
  const dataNodeHosts = ['dn1', '10.0.0.7', '*.data.example.com'];
  const kind = (location: string) => judge(location, { dataNodeHosts }).kind;

  for (const host of ['dn1:9864', 'DN1:1', '10.0.0.7:9864', 'a.data.example.com', 'a.b.data.example.com', 'nn:9870'])
    assert.equal(kind(`http://${host}/x`), 'follow', host);
  for (const host of ['dn2:9864', 'data.example.com', 'evildata.example.com', '10.0.0.8', 'nn:9864', 'dn1.evil.com'])
    assert.equal(kind(`http://${host}/x`), 'refuse', host);
});

test('addresses that a name may not resolve to', () => {
  for (const address of ['169.254.0.1', '169.254.255.255', 'fe80::1', 'fd00:ec2::254', '::ffff:169.254.1.1'])
    assert.ok(isForbiddenAddress(address), address);
  for (const address of ['127.0.0.1', '10.1.2.3', '169.253.1.1', '::1', 'fd00::1', 'not-an-address'])
    assert.ok(!isForbiddenAddress(address), address);
});
