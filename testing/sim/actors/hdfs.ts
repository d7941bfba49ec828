import type { Dice } from '../../dice.ts';
import type { World } from '../world.ts';

/** What happens to a cluster of HDFS; each goes by again. */
export function hdfsActs(world: World, dice: Dice, offAndOn: (on: () => void, off: () => void) => void) {
  const { hdfs } = world;
  const { faults } = world.plan;
  const acts: (() => void)[] = [];
  const switchSafeMode = (isOn: boolean) => {
    hdfs.safeMode = isOn;
    world.note(`safe mode ${isOn ? 'on' : 'off'}`);
  };
  if (faults.has('safeMode'))
    acts.push(() => {
      offAndOn(
        () => switchSafeMode(true),
        () => switchSafeMode(false),
      );
      world.saw('a NameNode in safe mode');
    });
  if (faults.has('failover'))
    acts.push(() => {
      const next = hdfs.nameNodes[0]?.state === 'active' ? 1 : 0;
      offAndOn(
        () => loseNameNode(world, dice.chance(0.5) ? 'down' : 'standby'),
        () => activate(world, next),
      );
      world.saw('a failover between NameNodes');
    });
  if (faults.has('dataNodeDies'))
    acts.push(() => {
      const index = dice.whole(0, hdfs.dataNodes.length - 1);
      offAndOn(
        () => {
          world.note(`DataNode ${index} dies`);
          hdfs.killDataNode(index);
          if (dice.chance(0.5)) hdfs.missDataNode(index);
        },
        () => hdfs.startDataNode(index),
      );
      world.saw('a DataNode died');
    });
  return acts;
}

/** Everything runs again. */
export function calmHdfs(world: World): void {
  const { hdfs } = world;
  hdfs.safeMode = false;
  if (!hdfs.nameNodes.some(({ state }) => state === 'active')) activate(world, 0);
  for (const index of hdfs.dataNodes.keys()) hdfs.startDataNode(index);
}

function loseNameNode(world: World, state: 'down' | 'standby'): void {
  const active = world.hdfs.nameNodes.find(({ state }) => state === 'active');
  if (active === undefined) return;
  active.state = state;
  world.note(`NameNode ${active.url} is ${state}`);
}

function activate(world: World, index: number): void {
  for (const nameNode of world.hdfs.nameNodes) if (nameNode.state === 'down') nameNode.state = 'standby';
  world.hdfs.activate(index);
  world.note(`NameNode ${index} is active`);
}
