import type { Api } from './api.ts';
import { fetchApi } from './fetch-request.ts';
import { findCoordinatorApi } from './group-requests.ts';
import { metadataV7 } from './metadata-request.ts';
import { listOffsetsApi, offsetForLeaderEpochApi } from './offset-requests.ts';

/** What a broker must know at least, by the APIs above. */
export const REQUIRED_APIS: readonly Pick<Api<never, unknown>, 'name' | 'key' | 'version'>[] = [
  fetchApi,
  listOffsetsApi,
  metadataV7,
  offsetForLeaderEpochApi,
  findCoordinatorApi,
];
