import type { HdfsModel } from '../../../../testing/hdfs/model.ts';
import type { FileNode } from '../../../../testing/hdfs/tree.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { clientOn, newModel, ROOT, type SceneOptions, stagingOn } from './scene.ts';

export const NAME = 'file.ndjson';
export const STAGED = `${ROOT}/.staging/${NAME}`;

/** What stages parts in virtual time, and the end of its incarnation. */
export function bench({ model = newModel(), ...scene }: SceneOptions & { model?: HdfsModel } = {}) {
  const virtual = new VirtualEnv();
  const controller = new AbortController();
  const { timers } = virtual.env;
  const files = stagingOn(clientOn(model, { env: virtual.env, ...scene }), { signal: controller.signal, timers });
  const open = (name = NAME) => files.open({ directory: 't', name, covers: () => ({ 't/0': [0, 1] }) });
  const staged = () => model.node(STAGED) as FileNode | undefined;
  return { model, virtual, controller, open, staged };
}
