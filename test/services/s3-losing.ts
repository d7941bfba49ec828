import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A way to an S3 server on which the answers to some requests are lost: they take effect, and the connection is cut. */
export async function losingAnswers(
  t: TestContext,
  endpoint: string,
  isLost: (method: string, path: string) => boolean,
): Promise<string> {
  const server = http.createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    // With the host it was signed for, which is this one's.
    const onward = http.request(new URL(url, endpoint), { method, headers, agent: false }, (answer) => {
      if (isLost(method, url)) {
        answer.resume();
        answer.on('end', () => incoming.socket.resetAndDestroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => incoming.socket.destroy()); // no server, no answer
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
