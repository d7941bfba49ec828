import type { Port } from '../calls.ts';
import type { World } from '../world.ts';
import { hdfsActs } from './hdfs.ts';

/** What happens to brokers, disk, network and clocks while there is trouble. */
export async function troubleSurroundings(world: World): Promise<void> {
  const { plan, kafka, weather } = world;
  const { faults } = plan;
  const dice = world.dice.fork('surroundings');
  const acts: (() => void)[] = [];
  const somewhere = () => {
    const topic = dice.pick(world.topics);
    return [topic, dice.whole(0, kafka.partitionCount(topic) - 1)] as const;
  };
  const offAndOn = (on: () => void, off: () => void) => {
    on();
    world.self.env.timers.after(dice.between(100, 3_000), off);
  };
  if (faults.has('leaderMoves'))
    acts.push(() => {
      kafka.moveLeader(...somewhere(), dice.whole(1, plan.nodes));
      world.saw('a leader moved');
    });
  if (faults.has('brokerDies'))
    acts.push(() => {
      const node = dice.whole(1, plan.nodes);
      offAndOn(
        () => kafka.stopNode(node),
        () => kafka.startNode(node),
      );
      world.saw('a broker died');
    });
  if (faults.has('newPartitions'))
    acts.push(() => {
      const topic = dice.pick(world.topics);
      const count = kafka.partitionCount(topic);
      if (count < 20) kafka.addPartitions(topic, count + 1);
    });
  if (faults.has('retention') && plan.harm !== 'tornSlot') acts.push(() => deleteWhatIsSaved(world));
  if (faults.has('clockJumps'))
    acts.push(() => {
      world.wallClockShiftMs += dice.between(-3_600_000, 3_600_000);
    });
  if (faults.has('diskFull'))
    acts.push(() => {
      offAndOn(
        () => world.disk.limit(world.disk.usedBytes() + dice.whole(0, 500)),
        () => world.disk.limit(undefined),
      );
      world.saw('the disk was full');
    });
  acts.push(...hdfsActs(world, dice, offAndOn));
  const ports: Port[] = plan.sink === 'file' ? ['disk', 'store', 'kafka'] : ['store', plan.sink, 'kafka'];
  acts.push(() => {
    const port = dice.pick(ports);
    offAndOn(
      () => {
        weather.stormy = port;
      },
      () => {
        weather.stormy = undefined;
      },
    );
  });
  while (world.time.nowMs < plan.troubleMs) {
    await world.sleep(dice.between(50, 3_000));
    dice.pick(acts)();
  }
}

/** Retention takes what every instance that may still be started has behind it. */
function deleteWhatIsSaved(world: World): void {
  for (const { id, offset } of world.savedPositions()) {
    const slash = id.lastIndexOf('/');
    world.kafka.deleteRecordsBefore(id.slice(0, slash), Number(id.slice(slash + 1)), offset);
    world.saw('records deleted by retention');
  }
}
