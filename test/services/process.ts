import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import net from 'node:net';

/**
 * Runs `"$@"` until it ends or until standard input closes, which the kernel does when the starter dies, however it dies.
 * Then the program is killed and the folder in $OWNED_DIR goes with it. First line of fd 3: the process id of the program.
 */
const guard = `
exec 4<&0
"$@" </dev/null 3>&- 4<&- & pid=$!
( read -r line <&4; trap '' TERM; kill -9 $pid; if [ -n "$OWNED_DIR" ]; then rm -rf "$OWNED_DIR"; fi ) 3>&- 2>/dev/null & watch=$!
echo $pid >&3
exec 3>&- 2>/dev/null
wait $pid; code=$?
kill $watch 2>/dev/null
wait $watch
exit $code
`;

/** A program that cannot outlive this process, not even when this process is killed. */
export interface Guarded {
  readonly pid: number;
  /** Resolves with the exit code (128 + signal when it was killed). */
  readonly exited: Promise<number>;
  readonly running: boolean;
  signal(name: NodeJS.Signals): void;
  /** kill -9; resolves once the program is gone. Its folder stays. */
  kill(): Promise<void>;
  /** Kills the program, if it still runs, and removes the folder it owns. */
  end(): Promise<void>;
}

export interface GuardedOptions {
  command: string;
  args: readonly string[];
  /** Gets stdout and stderr, appended. */
  logPath: string;
  /** Removed once this process is gone or `end` was called; kept when the program just ends. */
  ownedDir?: string;
  env?: NodeJS.ProcessEnv;
}

export async function spawnGuarded({ command, args, logPath, ownedDir = '', env }: GuardedOptions): Promise<Guarded> {
  const log = openSync(logPath, 'a');
  // Detached: Ctrl-C on the terminal reaches this process alone, which then ends what it started in its own order.
  const shell: ChildProcess = spawn('sh', ['-c', guard, 'sh', command, ...args], {
    stdio: ['pipe', log, log, 'pipe'],
    detached: true,
    env: { ...process.env, ...env, OWNED_DIR: ownedDir },
  });
  closeSync(log);
  let running = true;
  const exited = once(shell, 'exit').then(([code, signal]) => {
    running = false;
    return typeof code === 'number' ? code : signalCode(signal);
  });
  shell.stdin?.on('error', () => {}); // closing the pipe of a shell that is gone already
  const pid = await firstNumber(shell, exited);
  shell.unref();
  (shell.stdin as net.Socket).unref();
  return {
    pid,
    get exited() {
      shell.ref(); // whoever waits for it keeps this process alive, a forgotten program does not
      return exited;
    },
    get running() {
      return running;
    },
    signal(name) {
      if (running) signalIfThere(pid, name);
    },
    async kill() {
      shell.ref();
      if (running) signalIfThere(pid, 'SIGKILL');
      await exited;
    },
    async end() {
      shell.ref();
      shell.stdin?.end();
      await exited;
    },
  };
}

function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended, and its shell is about to say so
  }
}

function signalCode(signal: NodeJS.Signals): number {
  return signal === 'SIGKILL' ? 137 : 128;
}

async function firstNumber(shell: ChildProcess, exited: Promise<number>): Promise<number> {
  const pipe = shell.stdio[3] as net.Socket;
  pipe.setEncoding('utf8');
  const first = await Promise.race([once(pipe, 'data'), once(shell, 'error'), exited]);
  const pid = Array.isArray(first) ? Number.parseInt(String(first[0]), 10) : Number.NaN;
  pipe.destroy();
  if (!Number.isInteger(pid)) throw new Error(`could not start a guarded program: ${String(first)}`);
  return pid;
}

/**
 * A free port below the range from which the system takes the ports of outgoing connections. In that range a client that
 * retries against a stopped server can connect to itself, and the server cannot come back on its port.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = net.createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
