import { WireError } from '../../../connectors/hdfs/webhdfs/wire.ts';
import { sinkConformance } from '../../../testing/conformance/sink.ts';
import { storeConformance } from '../../../testing/conformance/store.ts';
import type { Interpose } from '../../../testing/interposed.ts';
import { testConformance } from '../../testing/conformance.ts';
import { clientOn, GATEWAY, newModel, sinkOn, stagedIn, storeOn, visibleIn } from './support/scene.ts';

/** A rename happens, and nobody hears of it. */
const losingRenames: Interpose = async (label, effect) => {
  const answer = await effect();
  if (!label.startsWith('hdfs.RENAME')) return answer;
  throw new WireError('socket hang up', { isSent: true, code: 'ECONNRESET' });
};

for (const [name, throughGateway] of [
  ['a NameNode', false],
  ['HttpFS', true],
] as const) {
  const scene = { throughGateway };
  const model = () => newModel({ gateway: GATEWAY });

  testConformance(`HDFS sink on ${name}`, sinkConformance, () => {
    const hdfs = model();
    return {
      sink: sinkOn(hdfs, {}, scene),
      assumeTaken: sinkOn(hdfs, { takenByReaders: 'assume' }, scene),
      visible: async () => visibleIn(hdfs),
      stagedCount: async () => stagedIn(hdfs).length,
      takeAway: async (path: string) => void (await clientOn(hdfs).delete(path)),
    };
  });

  testConformance(`HDFS checkpoint store on ${name}`, storeConformance, () => {
    const hdfs = model();
    return {
      connect: async () => storeOn(hdfs, scene),
      connectLosingResponses: async () => storeOn(hdfs, { ...scene, call: losingRenames }),
    };
  });
}

testConformance('HDFS sink whose renames are never answered', sinkConformance, () => {
  const hdfs = newModel();
  const call: Interpose = (label, effect) => (label.includes('/_sluice/') ? effect() : losingRenames(label, effect));
  return {
    sink: sinkOn(hdfs, {}, { call }),
    visible: async () => visibleIn(hdfs),
    stagedCount: async () => stagedIn(hdfs).length,
  };
});
