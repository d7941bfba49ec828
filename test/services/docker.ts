import http from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './process.ts';
import { testCredentials, versitygwVersion } from './s3-server.ts';

const image = 'apache/kafka:4.1.1';
const s3Image = `versity/versitygw:${versitygwVersion}`;

/** Says why containers cannot be used, or undefined when a daemon answers at once. Nothing is loaded or started for it. */
export async function readDockerProblem(): Promise<string | undefined> {
  const host = process.env.DOCKER_HOST;
  const sockets = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock')];
  if (process.env.XDG_RUNTIME_DIR) sockets.push(join(process.env.XDG_RUNTIME_DIR, 'docker.sock'));
  const candidates = host ? [host] : sockets.map((path) => `unix://${path}`);
  for (const candidate of candidates) if (await pings(new URL(candidate))) return undefined;
  return `no Docker daemon answers on ${candidates.join(' or ')}`;
}

function pings(url: URL): Promise<boolean> {
  const where =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || 2375 };
  return new Promise((resolve) => {
    const request = http.get({ ...where, path: '/_ping', timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** One Kafka node in a container, through testcontainers, which also removes it when this process dies. */
export async function startKafkaContainer(
  say: (line: string) => void,
): Promise<{ brokers: string; how: string; stop(): Promise<void> }> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  const host = client.info.containerRuntime.host;
  // Clients are told this address by the broker, so the port outside has to be known before it starts.
  const port = await freePort();
  say(`starting ${image} in Docker`);
  const container = await new GenericContainer(image)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://localhost:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${host}:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_HEAP_OPTS: '-Xmx768m',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(120_000)
    .start();
  return { brokers: `${host}:${port}`, how: `${image} in Docker`, stop: async () => void (await container.stop()) };
}

/** An S3 server in a container, likewise. */
export async function startS3Container(say: (line: string) => void) {
  const { GenericContainer, Wait } = await import('testcontainers');
  say(`starting ${s3Image} in Docker`);
  const { accessKeyId, secretAccessKey } = testCredentials;
  const container = await new GenericContainer(s3Image)
    .withExposedPorts(7070)
    .withEnvironment({ ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey })
    .withCommand(['--port', ':7070', 'posix', '/data'])
    .withTmpFs({ '/data': 'rw' })
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(120_000)
    .start();
  const endpoint = `http://${container.getHost()}:${container.getMappedPort(7070)}`;
  const stop = async () => void (await container.stop());
  return { endpoint, accessKeyId, secretAccessKey, how: `${s3Image} in Docker`, stop };
}
