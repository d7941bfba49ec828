import { RegistryClient } from '../../../../connectors/schema-registry/client.ts';
import type { HttpAnswer, HttpGet } from '../../../../connectors/schema-registry/http.ts';
import { registrySettings } from '../../../../connectors/schema-registry/settings.ts';
import { RegistryModel } from '../../../../testing/schema-registry/model.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';

export const URLS = ['http://one:8081', 'http://two:8081/api'];

/** Answers instead of the model: with an answer, an error, or after a while. */
export type Script = (path: string, base: string, signal: AbortSignal) => HttpAnswer | Promise<HttpAnswer> | undefined;

/** A client on a model, in virtual time. */
export function scriptedRegistry({ urls = URLS, auth = {}, script = () => undefined }: ScriptedOptions = {}) {
  const model = new RegistryModel();
  const virtual = new VirtualEnv();
  const asked: string[] = [];
  const get: HttpGet = async (url, { signal }) => {
    const base = urls.find((one) => url.startsWith(one)) as string;
    const path = url.slice(base.length);
    asked.push(url);
    return (await script(path, base, signal)) ?? model.answer(path);
  };
  const settings = registrySettings.parse({ urls, ...auth });
  const client = new RegistryClient({ settings, env: virtual.env, get });
  return { model, virtual, asked, client };
}

interface ScriptedOptions {
  readonly urls?: readonly string[];
  readonly auth?: object;
  readonly script?: Script;
}
