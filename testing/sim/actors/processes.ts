import type { Dice } from '../../dice.ts';
import type { Changes } from '../instance.ts';
import type { Instance, World } from '../world.ts';

const RUNNING_MAX = 4;

/** Keeps one process running, as systemd would: not again after an exit that says that a start cannot help. */
export async function supervise(world: World, isOver: () => boolean): Promise<void> {
  const dice = world.dice.fork('supervisor');
  for (;;) {
    const running = world.alive.filter(({ virtual, stop }) => !virtual.paused && !stop.signal.aborted);
    if (running.length === 0 && !refused(world)) world.start(changes(world, dice));
    if (isOver()) return;
    await world.sleep(dice.between(20, 600));
  }
}

/** Ended so that another start would end the same way. */
export function refused({ instances }: World): Instance | undefined {
  return instances.find(({ ending }) => ending?.how === 'config' || ending?.how === 'dataLoss');
}

/** What happens to processes while there is trouble. */
export async function troubleProcesses(world: World): Promise<void> {
  const { plan } = world;
  const { faults } = plan;
  const dice = world.dice.fork('processes');
  const acts: (() => void)[] = [];
  const one = () => {
    const { alive } = world;
    return alive.length === 0 ? undefined : dice.pick(alive);
  };
  if (faults.has('crash')) acts.push(() => withOne(one(), (instance) => world.kill(instance)));
  if (faults.has('powerLoss')) acts.push(() => world.losePower(world.dice.next));
  if (faults.has('pause')) {
    const act = () => withOne(one(), (instance) => world.pause(instance, !instance.virtual.paused));
    acts.push(act, act);
  }
  if (faults.has('second')) acts.push(() => world.alive.length < RUNNING_MAX && world.start(changes(world, dice)));
  if (faults.has('operator')) acts.push(() => withOne(one(), (instance) => instance.stop.abort()));
  if (acts.length === 0) return;
  while (world.time.nowMs < plan.troubleMs) {
    await world.sleep(dice.chance(0.3) ? dice.between(0, 100) : dice.between(100, 3_000));
    dice.pick(acts)();
  }
}

function withOne(instance: Instance | undefined, act: (instance: Instance) => void): void {
  if (instance !== undefined) act(instance);
}

/** An operator changes what may be changed between starts. */
function changes({ plan }: World, dice: Dice): Changes {
  if (!plan.faults.has('operator')) return {};
  return { intervalMs: dice.pick([50, 200, 1_000]), rollRecords: dice.pick([1, 3, 50]) };
}
