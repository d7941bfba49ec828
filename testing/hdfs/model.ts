import { inHeader, labelOf, placeOf, straightened, type Target, targetOf } from './addresses.ts';
import { type Context, empty, settleLease } from './context.ts';
import { connectionRefused, HdfsRefusal, json, NoAnswer, refusal } from './errors.ts';
import { read, type WriteOp } from './files.ts';
import { API, type HdfsRequest, type HdfsResponse } from './http.ts';
import { requireOperation } from './operations.ts';
import { below, type FileNode, type Inode, pathOf, Tree } from './tree.ts';
import { ModelUpload, refusedUpload } from './upload.ts';

export interface NameNode {
  /** `http://host:port` */
  readonly url: string;
  state: 'active' | 'standby' | 'down';
}

export interface DataNode {
  readonly url: string;
  /** One that is gone is named to clients until the NameNode misses it. */
  state: 'up' | 'gone' | 'missed';
}

export interface HdfsModelOptions {
  /** The first of them is active. */
  readonly nameNodes?: readonly string[];
  readonly dataNodes?: readonly string[];
  /** The HTTP gateway, if there is one. */
  readonly gateway?: string;
  readonly superuser?: string;
  /** The time of the cluster. Without it every request comes a millisecond after the last. */
  readonly nowMs?: () => number;
  /** How many names a page of LISTSTATUS_BATCH has. */
  readonly pageNames?: number;
  /** Asked before a request takes effect: its answer stands in for the model's (`refusal('RetriableException', ...)`, 503, ...). */
  readonly intervene?: (request: HdfsRequest, label: string) => HdfsResponse | undefined;
}

/** A body under way, as the model takes it. */
export type Upload = Pick<ModelUpload, 'write' | 'finish' | 'cut' | 'isRefused'>;

const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * HDFS without sockets, time or chance: a pair of NameNodes or one, DataNodes and the HTTP gateway, over one tree of files. It
 * answers a request at once, as the daemons do; what it does not know it refuses. The same requests get the same answers.
 */
export class HdfsModel {
  /** Each may be put into another state while it runs; DataNodes by `killDataNode`, since they hold connections. */
  readonly nameNodes: readonly NameNode[];
  readonly dataNodes: readonly DataNode[];
  readonly gateway: string | undefined;
  readonly superuser: string;
  /** May be changed while it runs. */
  safeMode = false;
  /** How many requests of each operation have arrived: NameNode, DataNode and gateway apart, as in `nameNode.CREATE`. */
  readonly requestCounts = new Map<string, number>();
  readonly tree: Tree;
  readonly #options: HdfsModelOptions;
  readonly #uploads = new Map<ModelUpload, string>();
  /** Whoever talks to a NameNode that has been restarted finds that out by one request that fails. */
  readonly #staleOrigins = new Set<string>();
  #requests = 0;
  #places = 0;

  constructor(options: HdfsModelOptions = {}) {
    const { nameNodes = ['http://nn1.test:9870'], dataNodes = ['http://dn1.test:9864'] } = options;
    this.#options = options;
    this.nameNodes = nameNodes.map((url, index) => ({ url, state: index === 0 ? 'active' : 'standby' }));
    this.dataNodes = dataNodes.map((url) => ({ url, state: 'up' }));
    this.gateway = options.gateway;
    this.superuser = options.superuser ?? 'hdfs';
    this.tree = new Tree(this.superuser);
  }

  /** Throws, as a socket would, where nobody listens, and `NoAnswer` where one would wait for ever. */
  answer(request: HdfsRequest): HdfsResponse {
    const target = targetOf(request);
    if (this.#isUpload(request, target)) {
      const upload = this.open(request);
      upload.write(request.body ?? Buffer.alloc(0));
      return upload.finish();
    }
    const nowMs = this.#arrived(target);
    return this.#caught(
      target,
      () => this.#options.intervene?.(request, labelOf(request)) ?? this.#effect(request, target, nowMs),
    );
  }

  /** Whether a request has to be begun with `open` for its body to come bit by bit. */
  takesBody(request: HdfsRequest): boolean {
    return this.#isUpload(request, targetOf(request));
  }

  /** Begins the second step of CREATE or APPEND. Its file is there from here on, unless it is refused at the end. */
  open(request: HdfsRequest): Upload {
    const target = targetOf(request);
    const nowMs = this.#arrived(target);
    const { origin, path = '', op } = target;
    const isGateway = origin === this.gateway;
    if (isGateway && request.headers['content-type'] !== 'application/octet-stream') return refusedUpload(empty(400));
    const intervened = this.#options.intervene?.(request, labelOf(request));
    if (intervened !== undefined) return refusedUpload(intervened);
    const where = isGateway ? `${origin}${API}${path}` : this.#rpcAddress();
    const holder = isGateway ? 'gateway' : `DFSClient_${this.#requests}`;
    try {
      this.#requireActiveFor(origin);
      this.#requireWritable(op);
      const upload: ModelUpload = new ModelUpload(this.#context(target, nowMs), op as WriteOp, where, holder, {
        nowMs: () => this.#nowMs(),
        requireActive: () => this.#requireActiveFor(origin),
        refused: (error) => this.#answerTo(error, target),
        closed: () => void this.#uploads.delete(upload),
      });
      this.#uploads.set(upload, origin);
      return upload;
    } catch (error) {
      return refusedUpload(this.#answerTo(error, target));
    }
  }

  // What happens to the cluster.

  /** kill -9: what is being written through it stays open, and its sender is cut off. */
  killDataNode(index = 0): void {
    const { url } = this.#setDataNode(index, 'gone');
    for (const [upload, origin] of this.#uploads) {
      if (origin !== url) continue;
      this.#uploads.delete(upload);
      upload.abandon();
    }
  }

  /** The NameNode has not heard of it for long enough. */
  missDataNode(index = 0): void {
    this.#setDataNode(index, 'missed');
  }

  startDataNode(index = 0): void {
    this.#setDataNode(index, 'up');
  }

  /** Makes one of them active, and the other one, if it is up, standby. */
  activate(index: number): void {
    for (const [at, nameNode] of this.nameNodes.entries())
      if (at === index) nameNode.state = 'active';
      else if (nameNode.state === 'active') nameNode.state = 'standby';
  }

  /** Restarted, a NameNode has what it had, and breaks the connections of all who talk to it. */
  restartNameNode(index = 0): void {
    const nameNode = this.nameNodes[index] as NameNode;
    nameNode.state = this.nameNodes.length === 1 ? 'active' : 'standby';
    for (const { url } of this.dataNodes) this.#staleOrigins.add(url);
    if (this.gateway !== undefined) this.#staleOrigins.add(this.gateway);
  }

  // What is in it.

  /** Every file, by path. */
  files(): [path: string, file: FileNode][] {
    const all: [string, FileNode][] = [];
    for (const node of below(this.tree.root)) if (node.kind === 'file') all.push([pathOf(node), node]);
    return all.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  node(path: string): Inode | undefined {
    return this.tree.find(path).node;
  }

  #effect(request: HdfsRequest, target: Target, nowMs: number): HdfsResponse {
    const { origin, path, op, params } = target;
    if (path === undefined) return empty(404);
    const isGateway = origin === this.gateway;
    if (
      this.dataNodes.some(({ url }) => url === origin) ||
      (isGateway && op === 'OPEN' && params.get('noredirect') !== 'true')
    ) {
      this.#requireActiveFor(origin);
      return read(this.#context(target, nowMs));
    }
    const [, kind, run] = requireOperation(request.method, op, isGateway ? 'gateway' : 'nameNode');
    if (isGateway && kind === 'place') return this.#placeAtGateway(target);
    if (op !== 'CREATE') this.#requireActiveFor(origin);
    if (kind === 'change') this.#requireWritable(op);
    const value = run(this.#context(target, nowMs));
    if (kind === 'place') return this.#place(target);
    if (value !== undefined) return json(200, value);
    return empty(200, { 'content-type': 'application/octet-stream' });
  }

  /** The first step of two. */
  #place({ path = '', op, params }: Target): HdfsResponse {
    const known = this.dataNodes.filter(({ state }) => state !== 'missed');
    const dataNode = known[this.#places++ % Math.max(known.length, 1)];
    if (dataNode === undefined) {
      const what =
        op === 'OPEN'
          ? 'No active nodes contain this block'
          : 'Failed to find datanode, suggest to check cluster health.';
      throw new HdfsRefusal('IOException', what);
    }
    const extra: Record<string, string> = { namenoderpcaddress: this.#rpcAddress() };
    if (op === 'CREATE')
      Object.assign(extra, { createflag: '', createparent: 'true', overwrite: params.get('overwrite') ?? 'false' });
    if (op === 'OPEN') extra.offset = params.get('offset') ?? '0';
    return answerWith(placeOf(dataNode.url, path, params, extra), params);
  }

  /** Looks at nothing: whatever is wrong shows in the second step. */
  #placeAtGateway({ origin, path = '', op, params }: Target): HdfsResponse {
    const extra: Record<string, string> = op === 'OPEN' ? {} : { data: 'true' };
    const overwrite = params.get('overwrite');
    if (overwrite !== null) extra.overwrite = overwrite;
    return answerWith(inHeader(placeOf(origin, path, params, extra)), params);
  }

  #context({ origin, path = '', params }: Target, nowMs: number): Context {
    const user = params.get('user.name') ?? 'dr.who';
    const { tree } = this;
    for (const file of tree.leftOpen) settleLease(tree, file, nowMs);
    const via = origin === this.gateway ? 'gateway' : 'nameNode';
    const pageNames = this.#options.pageNames ?? 1_000;
    const caller = { user, isSuperuser: user === this.superuser };
    const meant = via === 'gateway' ? straightenedAtGateway(path) : path;
    return { tree, caller, via, path: meant, params, nowMs, pageNames };
  }

  #isUpload({ method }: HdfsRequest, { origin, op, params }: Target): boolean {
    const isWrite = (op === 'CREATE' && method === 'PUT') || (op === 'APPEND' && method === 'POST');
    const isAtDataNode = this.dataNodes.some(({ url }) => url === origin);
    return isWrite && (isAtDataNode || (origin === this.gateway && params.get('data') === 'true'));
  }

  #arrived({ origin, op }: Target): number {
    this.#requireUp(origin);
    const who =
      origin === this.gateway ? 'gateway' : this.dataNodes.some(({ url }) => url === origin) ? 'dataNode' : 'nameNode';
    const kind = `${who}.${op}`;
    this.requestCounts.set(kind, (this.requestCounts.get(kind) ?? 0) + 1);
    this.#requests++;
    return this.#nowMs();
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? EPOCH_MS + this.#requests;
  }

  #requireUp(origin: string): void {
    const nameNode = this.nameNodes.find(({ url }) => url === origin);
    const dataNode = this.dataNodes.find(({ url }) => url === origin);
    const isUp = nameNode ? nameNode.state !== 'down' : dataNode ? dataNode.state === 'up' : origin === this.gateway;
    if (!isUp) throw connectionRefused(origin);
  }

  /**
   * A NameNode has to be active itself. DataNodes and gateways look for the one that is: of a pair for minutes, while a single
   * one that is gone is told of at once.
   */
  #requireActiveFor(origin: string): void {
    const own = this.nameNodes.find(({ url }) => url === origin);
    const asked = own === undefined ? this.nameNodes : [own];
    if (this.#staleOrigins.delete(origin))
      throw new HdfsRefusal('EOFException', 'End of File Exception between local host and NameNode');
    if (asked.some(({ state }) => state === 'active')) return;
    if (own !== undefined)
      throw new HdfsRefusal('StandbyException', 'Operation category is not supported in state standby.');
    if (asked.length > 1) throw new NoAnswer();
    throw new HdfsRefusal('ConnectException', 'Call From localhost to NameNode failed: Connection refused');
  }

  #requireWritable(op: string): void {
    if (this.safeMode) throw new HdfsRefusal('SafeModeException', `Cannot ${op}. Name node is in safe mode.`);
  }

  #rpcAddress(): string {
    const [first, second] = this.nameNodes;
    return second === undefined && first !== undefined ? new URL(first.url).hostname : 'ns1';
  }

  #setDataNode(index: number, state: DataNode['state']): DataNode {
    const dataNode = this.dataNodes[index];
    if (dataNode === undefined) throw new Error(`there is no DataNode ${index}`);
    dataNode.state = state;
    return dataNode;
  }

  #caught(target: Target, effect: () => HdfsResponse): HdfsResponse {
    try {
      return effect();
    } catch (error) {
      return this.#answerTo(error, target);
    }
  }

  #answerTo(error: unknown, { origin }: Target): HdfsResponse {
    if (!(error instanceof HdfsRefusal)) throw error;
    return refusal(error.exception, error.message, origin === this.gateway ? 'gateway' : 'hdfs');
  }
}

function answerWith(place: string, params: URLSearchParams): HdfsResponse {
  if (params.get('noredirect') === 'true') return json(200, { Location: place });
  return empty(307, { location: inHeader(place), 'content-type': 'application/octet-stream' });
}

/** A gateway follows dots, and looks for nothing under a name that cannot be. */
function straightenedAtGateway(path: string): string {
  if (path.includes(':'))
    throw new HdfsRefusal('IllegalArgumentException', `Pathname ${path} is not a valid DFS filename.`);
  return straightened(path);
}
