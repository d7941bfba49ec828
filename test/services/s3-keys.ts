import { createHash, createHmac } from 'node:crypto';
import type { S3Place } from './s3-server.ts';
import { waitFor } from './wait.ts';

export interface TemporaryKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** Keys of the server's own that may do what this policy allows and nothing else (`AssumeRole`, which MinIO has at its S3 address). */
export async function keysLimitedTo(policy: object, { endpoint, ...owner }: S3Place): Promise<TemporaryKeys> {
  const body = new URLSearchParams({
    ...{ Action: 'AssumeRole', Version: '2011-06-15', DurationSeconds: '3600' },
    Policy: JSON.stringify(policy),
  }).toString();
  // Its users are there a moment after its buckets.
  const answer = await waitFor(
    async () => {
      const response = await fetch(endpoint, { method: 'POST', body, headers: signed(body, endpoint, owner) });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return text;
    },
    { what: `keys of ${endpoint}`, timeoutMs: 30_000 },
  );
  const field = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer)?.[1] ?? '';
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
  };
}

/** AWS Signature Version 4 of a form that is posted to `/`. */
function signed(
  body: string,
  endpoint: string,
  { accessKeyId, secretAccessKey }: Omit<S3Place, 'endpoint'>,
): Record<string, string> {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), 'us-east-1', 'sts', 'aws4_request'];
  const names = 'content-type;host;x-amz-date';
  const type = 'application/x-www-form-urlencoded';
  const headers = `content-type:${type}\nhost:${new URL(endpoint).host}\nx-amz-date:${time}\n`;
  const request = ['POST', '/', '', headers, names, sha256(body)].join('\n');
  const key = scope.reduce<string | Buffer>((previous, part) => hmac(previous, part), `AWS4${secretAccessKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n')).toString('hex');
  const credential = `${accessKeyId}/${scope.join('/')}`;
  return {
    'content-type': type,
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
