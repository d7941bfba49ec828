import type { Delivery, Ledger } from './ledger.ts';
import { encodeRecord } from './record.ts';

/** The part of a kafkajs client that the ledger uses: a `Kafka` of the user's own fits. */
export interface KafkaClient {
  producer(options: ProducerOptions): KafkaProducer;
}

interface ProducerOptions {
  idempotent: boolean;
  transactionalId?: string;
  transactionTimeout?: number;
  maxInFlightRequests: number;
  retry: { initialRetryTime: number; maxRetryTime: number; retries: number };
}

interface KafkaProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  send(send: TopicSend): Promise<unknown>;
  transaction(): Promise<KafkaTransaction>;
}

interface KafkaTransaction {
  send(send: TopicSend): Promise<unknown>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

interface TopicSend {
  topic: string;
  acks: number;
  messages: { partition: number; key: string; value: Buffer }[];
}

export interface LedgerProducerOptions {
  kafka: KafkaClient;
  ledger: Ledger;
  topic: string;
  partitions: number;
  /** Bytes of each value. */
  valueBytes?: number;
  /** Starts every transactional id; ids of two producers must differ. */
  transactionalIdPrefix?: string;
}

export interface RunOptions {
  signal: AbortSignal;
  recordsPerSecond: number;
  /** Share of sends that belong to transactions, and of transactions that are aborted. */
  transactionShare?: number;
  abortShare?: number;
  random?: () => number;
}

/** A transaction that is being written; more than one may be open at a time. */
export interface OpenTransaction {
  /** Writes `count` records to each partition. */
  send(countPerPartition: number, partitions?: readonly number[]): Promise<void>;
  /** Commits or aborts, as planned when it was begun. */
  end(): Promise<void>;
}

/** Transactions that `run` keeps open at a time, at most. */
const openMax = 2;

/**
 * Writes numbered records to a topic with the public API of kafkajs and keeps the ledger. One send at a time is on its way, over all
 * producers, so that sequences lie in the log in ascending order even where transactions overlap.
 */
export class LedgerProducer {
  readonly #options: Required<LedgerProducerOptions>;
  readonly #idle: Lane[] = [];
  readonly #ending = new Set<Promise<void>>();
  #held: Promise<unknown> | undefined;
  #plain: Promise<KafkaProducer> | undefined;
  #lanes = 0;
  #lastSend: Promise<unknown> = Promise.resolve();

  constructor(options: LedgerProducerOptions) {
    this.#options = { valueBytes: 100, transactionalIdPrefix: `ledger-${options.topic}`, ...options };
  }

  /** Writes `count` records to each partition with the idempotent producer. */
  async send(countPerPartition: number, partitions?: readonly number[]): Promise<void> {
    this.#plain ??= this.#connect({});
    const producer = await this.#plain;
    const delivery = this.#options.ledger.begin('plain');
    await this.#inTurn(async () => {
      try {
        await producer.send(this.#numbered(countPerPartition, 'commit', delivery, partitions));
        delivery.outcome = 'committed';
      } catch (error) {
        // Its retries are used up, and one of them may have been written all the same. The next send is a new producer's.
        delivery.outcome = 'unknown';
        this.#plain = undefined;
        await producer.disconnect();
        throw error;
      }
    });
  }

  async begin(planned: 'commit' | 'abort'): Promise<OpenTransaction> {
    const lane = this.#idle.pop() ?? (await this.#openLane(`${this.#options.transactionalIdPrefix}-${this.#lanes++}`));
    const transaction = await lane.producer.transaction();
    const delivery = this.#options.ledger.begin('transaction');
    let plan = planned;
    return {
      send: (count, partitions) =>
        this.#inTurn(async () => {
          try {
            await transaction.send(this.#numbered(count, planned, delivery, partitions));
          } catch (error) {
            plan = 'abort'; // perhaps written, perhaps not: only an abort leaves no doubt
            throw error;
          }
        }),
      end: async () => {
        while (this.#held !== undefined) await this.#held;
        const ending = this.#end(lane, () => settle(transaction, plan, delivery));
        this.#ending.add(ending);
        await ending.finally(() => this.#ending.delete(ending));
      },
    };
  }

  /**
   * Runs `action` while no transaction is being ended: those under way end first, later ones wait, and `run` goes on with sends
   * meanwhile. For whoever kills a broker: Kafka answers a commit before its markers are written.
   */
  async whileNoneEnds<T>(action: () => Promise<T>): Promise<T> {
    while (this.#held !== undefined) await this.#held;
    const acting = Promise.allSettled(this.#ending).then(action);
    this.#held = acting.then(
      () => {},
      () => {},
    );
    return acting.finally(() => {
      this.#held = undefined;
    });
  }

  /** Keeps writing a mixture of plain sends and overlapping transactions until the signal aborts; every transaction is ended then. */
  async run(options: RunOptions): Promise<void> {
    const { signal, recordsPerSecond, transactionShare = 0.5, abortShare = 0.3, random = Math.random } = options;
    const perPartition = Math.max(1, Math.round(recordsPerSecond / 20 / this.#options.partitions));
    const open: { transaction: OpenTransaction; sendsLeft: number }[] = [];
    const startMs = performance.now();
    for (let sent = 0; !signal.aborted; sent += perPartition * this.#options.partitions) {
      await pause(startMs + (sent / recordsPerSecond) * 1000 - performance.now(), signal);
      if (random() >= transactionShare) {
        await this.send(perPartition);
        continue;
      }
      let chosen = open[Math.floor(random() * openMax)];
      if (chosen === undefined) {
        const transaction = await this.begin(random() < abortShare ? 'abort' : 'commit');
        chosen = { transaction, sendsLeft: 1 + Math.floor(random() * 3) };
        open.push(chosen);
      }
      const written = await chosen.transaction.send(perPartition).then(
        () => true,
        () => false, // a broker that went away; `end` aborts the transaction
      );
      chosen.sendsLeft--;
      if (written && (chosen.sendsLeft > 0 || this.#held !== undefined)) continue;
      open.splice(open.indexOf(chosen), 1);
      await chosen.transaction.end();
    }
    for (const { transaction } of open) await transaction.end();
  }

  /** Closes the connections. End open transactions before, or the broker aborts them when they time out. */
  async disconnect(): Promise<void> {
    const plain = await this.#plain?.catch(() => undefined); // one that never connected needs no disconnect
    const producers = this.#idle.map(({ producer }) => producer);
    await Promise.all([...producers, ...(plain ? [plain] : [])].map((producer) => producer.disconnect()));
  }

  #numbered(count: number, planned: 'commit' | 'abort', delivery: Delivery, only?: readonly number[]): TopicSend {
    const { ledger, topic, valueBytes } = this.#options;
    const messages: TopicSend['messages'] = [];
    for (const partition of only ?? Array.from({ length: this.#options.partitions }, (_, i) => i)) {
      const from = ledger.take(topic, partition, count, delivery);
      for (let sequence = from; sequence < from + count; sequence++) {
        const value = encodeRecord({ topic, partition, sequence, planned }, valueBytes);
        messages.push({ partition, key: `${partition}-${sequence}`, value });
      }
    }
    return { topic, messages, acks: -1 };
  }

  async #end(lane: Lane, settled: () => Promise<boolean>): Promise<void> {
    if (await settled()) this.#idle.push(lane);
    else await this.#reopen(lane);
  }

  #inTurn<T>(send: () => Promise<T>): Promise<T> {
    const turn = this.#lastSend.then(send);
    this.#lastSend = turn.catch(() => {}); // whoever asked for that send hears of it; the next one goes on
    return turn;
  }

  async #openLane(transactionalId: string): Promise<Lane> {
    return { transactionalId, producer: await this.#connect({ transactionalId, transactionTimeout: 30_000 }) };
  }

  /** The next producer of an id ends what the last one left open, which would hide all later records until it times out. */
  async #reopen({ transactionalId, producer }: Lane): Promise<void> {
    await producer.disconnect();
    this.#idle.push(await this.#openLane(transactionalId));
  }

  async #connect(options: { transactionalId?: string; transactionTimeout?: number }): Promise<KafkaProducer> {
    // Outlasts a broker that is started again: about a minute.
    const retry = { initialRetryTime: 20, maxRetryTime: 1_000, retries: 70 };
    const producer = this.#options.kafka.producer({ ...options, idempotent: true, maxInFlightRequests: 1, retry });
    await producer.connect();
    return producer;
  }
}

interface Lane {
  transactionalId: string;
  producer: KafkaProducer;
}

/** Ends a transaction and writes down what became of it. Returns whether its producer may go on. */
async function settle(
  transaction: KafkaTransaction,
  planned: 'commit' | 'abort',
  delivery: Delivery,
): Promise<boolean> {
  if (planned === 'abort') {
    // Nobody ever asked for a commit, so it ends aborted, now or when the broker gives up waiting.
    delivery.outcome = 'aborted';
    return transaction.abort().then(
      () => true,
      () => false,
    );
  }
  delivery.outcome = 'committing';
  try {
    await transaction.commit();
    delivery.outcome = 'committed';
    return true;
  } catch {
    delivery.outcome = 'unknown'; // the answer was lost; the auditor takes it whole or not at all
    return false;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
