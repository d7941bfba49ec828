import type { z } from 'zod';
import { hdfsSettings } from '../../connectors/hdfs/settings.ts';
import { WebHdfs } from '../../connectors/hdfs/webhdfs/client.ts';
import type { Env } from '../../core/contract/env.ts';
import { connectionReset } from '../hdfs/errors.ts';
import { modelExchange } from '../hdfs/exchange.ts';
import type { HdfsModel } from '../hdfs/model.ts';
import type { Caller, Calls } from './calls.ts';
import { OUT } from './places.ts';

/** As long as the wire of the connector waits for a byte. */
const SILENCE_MS = 60_000;

export function hdfsSettingsOf(hdfs: HdfsModel, files: Partial<z.input<typeof hdfsSettings>>) {
  const urls = hdfs.nameNodes.map(({ url }) => url);
  return hdfsSettings.parse({ type: 'hdfs', urls, user: hdfs.superuser, path: OUT, ...files });
}

/** The real client of one process, its requests answered by the model. */
export function hdfsClient({ calls, hdfs }: { calls: Calls; hdfs: HdfsModel }, self: Caller, env: Env): WebHdfs {
  const wire = modelExchange(hdfs, (label, effect) => {
    const landed = async () => {
      const answer = await effect();
      // Its sender is dead by now: no file that it opens stays open.
      if (!self.alive) wire.cut();
      return answer;
    };
    return brokenOff(calls.call(self, 'hdfs', label, landed), env);
  });
  self.connections.push(wire);
  const negotiate = () => Promise.reject(new Error('nobody asked for Kerberos'));
  return new WebHdfs({ settings: hdfsSettingsOf(hdfs, { format: 'ndjson' }), wire, env, negotiate });
}

/** Once nothing has come for too long. */
function brokenOff<T>(answered: Promise<T>, { timers }: Pick<Env, 'timers'>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(SILENCE_MS, () => reject(connectionReset()));
    answered.then(resolve, reject);
    answered.then(cancel, cancel);
  });
}
