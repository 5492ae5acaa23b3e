// An audit event (audit.k8s.io/v1 Event) as one line of JSON. Bodies are texts of JSON already and are spliced in, not parsed.
// An event has a size: what is longer goes without its bodies, and says so; what is still longer, without what is long in it.
import type { AuditLevel, AuditStage } from '../../configuration/audit.ts';
import type { StatusDetails } from '../../machinery/errors.ts';
import type { User } from '../core.ts';

/** A meta/v1 Status as far as an event has it. */
export interface ResponseStatus {
  status?: string;
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export interface ObjectReference {
  resource: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

export interface AuditEvent {
  level: AuditLevel;
  auditID: string;
  stage: AuditStage;
  requestURI: string;
  verb: string;
  user: User | undefined;
  impersonatedUser: User | undefined;
  impersonationConstraint: string;
  sourceIPs: readonly string[];
  userAgent: string;
  objectRef: ObjectReference | undefined;
  responseStatus: ResponseStatus | undefined;
  /** JSON. */
  requestObject: string | undefined;
  /** JSON. */
  responseObject: string | undefined;
  receivedMs: number;
  stageMs: number;
  annotations: Readonly<Record<string, string>>;
  /** There was more of its bodies than could be kept. */
  truncated: boolean;
}

const truncatedKey = 'audit.k8s.io/truncated';
/** Of texts in an event that is too long even without bodies. */
const textUnitsMax = 1024;

export function eventText(event: AuditEvent, bytesMax: number): string {
  const text = textOf(event);
  if (fits(text, bytesMax)) return text;
  const bodiless = { ...event, requestObject: undefined, responseObject: undefined, truncated: true };
  const shorter = textOf(bodiless);
  if (fits(shorter, bytesMax)) return shorter;
  return textOf({
    ...bodiless,
    requestURI: cut(event.requestURI),
    verb: cut(event.verb),
    auditID: cut(event.auditID),
    user: withoutMuch(event.user),
    impersonatedUser: withoutMuch(event.impersonatedUser),
    objectRef: undefined,
    responseStatus: event.responseStatus && { code: event.responseStatus.code },
    annotations: {},
  });
}

/** No character has more than three bytes for each of its units. */
const fits = (text: string, bytesMax: number): boolean =>
  text.length * 3 <= bytesMax || new TextEncoder().encode(text).length <= bytesMax;

const cut = (text: string): string =>
  text.length > textUnitsMax ? `${text.slice(0, textUnitsMax)}...TRUNCATED` : text;

const withoutMuch = (user: User | undefined): User | undefined => user && { name: cut(user.name), groups: [] };

function textOf(event: AuditEvent): string {
  const { requestObject, responseObject, annotations, truncated, impersonationConstraint, responseStatus } = event;
  const head = JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: event.level,
    auditID: event.auditID,
    stage: event.stage,
    requestURI: event.requestURI,
    verb: event.verb,
    user: userInfo(event.user),
    ...(event.impersonatedUser ? { impersonatedUser: userInfo(event.impersonatedUser) } : {}),
    ...(impersonationConstraint === '' ? {} : { authenticationMetadata: { impersonationConstraint } }),
    ...(event.sourceIPs.length === 0 ? {} : { sourceIPs: event.sourceIPs }),
    ...(event.userAgent === '' ? {} : { userAgent: event.userAgent }),
    ...(event.objectRef ? { objectRef: event.objectRef } : {}),
    ...(responseStatus ? { responseStatus: { metadata: {}, ...responseStatus } } : {}),
  });
  const all = truncated ? { ...annotations, [truncatedKey]: 'true' } : annotations;
  const tail = JSON.stringify({
    requestReceivedTimestamp: microTime(event.receivedMs),
    stageTimestamp: microTime(event.stageMs),
    ...(Object.keys(all).length === 0 ? {} : { annotations: all }),
  });
  const body = (field: string, json: string | undefined) => (json === undefined ? '' : `,"${field}":${json}`);
  return `${head.slice(0, -1)}${body('requestObject', requestObject)}${body('responseObject', responseObject)},${tail.slice(1)}`;
}

/** An authentication/v1 UserInfo; empty for somebody unknown. */
function userInfo(user: User | undefined): object {
  if (!user) return {};
  const { name, uid, groups, extra } = user;
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

const microTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');
