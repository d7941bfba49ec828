import { endingCases } from './endings.ts';
import type { S3Case } from './lab.ts';
import { listingCases } from './listing.ts';
import { objectCases } from './objects.ts';
import { uploadCases } from './uploads.ts';

export type { S3Case } from './lab.ts';

/** What AWS documents and a sink or a checkpoint store may come to depend on; on any store, a fresh bucket for each. */
export const s3Cases: readonly S3Case[] = [...objectCases, ...uploadCases, ...endingCases, ...listingCases];
