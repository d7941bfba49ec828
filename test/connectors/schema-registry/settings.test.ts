import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrySettings } from '../../../connectors/schema-registry/settings.ts';
import { REGISTRY_CERTIFICATE } from './support/certificate.ts';

const HTTPS = 'https://registry:8081';
const issuesOf = (settings: unknown) =>
  registrySettings.safeParse(settings).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

test('urls are all that is needed', () => {
  assert.deepEqual(registrySettings.parse({ urls: ['http://registry:8081/'] }), {
    urls: ['http://registry:8081'],
    auth: { type: 'none' },
    timeout: 10_000,
  });
});

test('what cannot work is refused before anything is asked', () => {
  const basic = { type: 'basic', username: 'u', password: 'p' };
  const cases: [object, RegExp][] = [
    [{ urls: [] }, /^urls: /],
    [{ urls: ['registry:8081'] }, /^urls.0: expected a URL, for example http/],
    [{ urls: ['https://user:secret@registry'] }, /^urls.0: expected a URL without user/],
    [{ urls: [HTTPS, 'http://registry'], auth: basic }, /^urls: expected all http or all https/],
    [{ urls: ['http://registry'], ca: REGISTRY_CERTIFICATE }, /^ca: expected urls with https/],
    [{ urls: [HTTPS], ca: 'ca.pem' }, /^ca: expected PEM text, for example \$\{file:ca.pem}/],
    [{ urls: [HTTPS], auth: { type: 'basic', username: 'u' } }, /^auth.password: /],
    [{ urls: [HTTPS], timeout: '1ms' }, /^timeout: expected a duration/],
  ];
  for (const [settings, issue] of cases) {
    const [first = '', ...more] = issuesOf(settings);
    assert.match(first, issue);
    assert.deepEqual(more, []);
  }
  assert.deepEqual(issuesOf({ urls: [HTTPS, HTTPS], auth: basic, ca: REGISTRY_CERTIFICATE }), []);
});
