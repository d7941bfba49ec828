import { readFileSync } from 'node:fs';
import { actionOf } from '../../testing/s3/access.ts';
import { refusal } from '../../testing/s3/errors.ts';
import type { S3Request, S3Response } from '../../testing/s3/http.ts';
import { type Operation, targetOf } from '../../testing/s3/operations.ts';

export interface Statement {
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string;
  readonly Condition?: { readonly StringLike: { readonly 's3:prefix': string } };
}

export interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

/** The policies of the connector's README: for the data, and for the state. */
export function documentedPolicies(): { data: Policy; state: Policy } {
  const readme = readFileSync(new URL('../../connectors/s3/README.md', import.meta.url), 'utf8');
  const [data, state] = [...readme.matchAll(/```json\n(\{\n {2}"Version".*?)```/gs)].map(([, json = '']) =>
    JSON.parse(json),
  );
  return { data, state };
}

const listOf = <T>(one: T | readonly T[]): readonly T[] => (Array.isArray(one) ? one : [one as T]);

export function actionsOf({ Statement }: Policy): string[] {
  return Statement.flatMap(({ Action }) => listOf(Action));
}

export function without(action: string, { Version, Statement }: Policy): Policy {
  const left = Statement.map((statement) => ({
    ...statement,
    Action: listOf(statement.Action).filter((one) => one !== action),
  }));
  return { Version, Statement: left.filter(({ Action }) => Action.length > 0) };
}

/** What AWS documents of such policies: 403 for what none of the statements allows. Undefined when it may be done. */
export function refusedBy(
  policy: Policy,
  request: S3Request,
  operation: Operation | undefined,
  exists: (bucket: string, key: string) => boolean,
): S3Response | undefined {
  const { bucket, key } = targetOf(request);
  const place = key === '' ? bucket : `${bucket}/${key}`;
  const allows = (action: string, on: string, prefix: string | undefined) =>
    policy.Statement.some(
      ({ Action, Resource, Condition }) =>
        listOf(Action).includes(action) &&
        isLike(`arn:aws:s3:::${on}`, Resource) &&
        (Condition === undefined || (prefix !== undefined && isLike(prefix, Condition.StringLike['s3:prefix']))),
    );
  if (operation === undefined || !allows(actionOf(operation), place, request.query.prefix))
    return refusal('AccessDenied');
  // Reads carry no prefix: a condition on it hides what is missing.
  const isRead = operation === 'GetObject' || operation === 'HeadObject';
  if (isRead && !exists(bucket, key) && !allows('s3:ListBucket', bucket, undefined)) return refusal('AccessDenied');
  return undefined;
}

function isLike(text: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return text === pattern;
  return text.startsWith(first) && text.length >= first.length && others.join('') === '';
}
