import type { ObjectCannedACL, ServerSideEncryption, StorageClass } from '@aws-sdk/client-s3';
import type { ObjectAttributes } from './s3-api.ts';

/** Attributes as the SDK takes them. */
export const kept = ({ contentType, storageClass, acl, sse, kmsKeyId, tagging }: ObjectAttributes) => ({
  ...{ ContentType: contentType, Tagging: tagging, SSEKMSKeyId: kmsKeyId },
  // Strings that the settings have checked, or that only the store can judge.
  StorageClass: storageClass as StorageClass | undefined,
  ACL: acl as ObjectCannedACL | undefined,
  ServerSideEncryption: sse as ServerSideEncryption | undefined,
});

/** What a policy has to allow besides `s3:PutObject`. */
export function extraPermissions({ acl, sse, tagging }: ObjectAttributes): string[] {
  return [
    acl === undefined ? [] : 's3:PutObjectAcl',
    tagging === undefined ? [] : 's3:PutObjectTagging',
    sse?.startsWith('aws:kms') === true ? ['kms:GenerateDataKey', 'kms:Decrypt'] : [],
  ].flat();
}
