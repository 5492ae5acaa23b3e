// One request as the audit log sees it, from when it came until the last byte of its answer. Nothing here fails or delays it:
// what goes wrong in a sink is the sink's. Credentials are in none of its events: no header is (but those named here), tokens in
// a query are blotted out, and so are those in the bodies of the resources that carry them.
import type { AuditStage } from '../../configuration/audit.ts';
import type { HttpAnswer, HttpRequest } from '../../machinery/http.ts';
import type { Clock } from '../../ports/index.ts';
import { presented } from '../authn/presented.ts';
import type { User } from '../core.ts';
import type { RequestInfo } from '../routing.ts';
import { type AuditEvent, eventText, type ResponseStatus } from './event.ts';
import { shownObject, shownUri } from './hidden.ts';
import type { AuditDecision, PolicyEvaluator } from './policy.ts';
import { watchedEnd } from './watched-end.ts';

export interface AuditContext {
  readonly evaluate: PolicyEvaluator;
  readonly clock: Clock;
  readonly eventBytesMax: number;
  write(event: string, decision: AuditDecision): void;
}

/** What an object says of itself, as far as an event refers to it. */
interface Named {
  metadata?: { name?: string; namespace?: string; uid?: string; resourceVersion?: string };
}

const userAgentUnitsMax = 1024;
const longVerbs = new Set(['watch', 'proxy']);
const longSubresources = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);
const decisionKey = 'authorization.k8s.io/decision';
const reasonKey = 'authorization.k8s.io/reason';

export class AuditedRequest {
  readonly #context: AuditContext;
  readonly #request: HttpRequest;
  readonly #info: RequestInfo;
  readonly #event: Omit<AuditEvent, 'stage' | 'stageMs'>;
  readonly #annotations: Record<string, string> = Object.create(null);
  /** Undefined: nobody knows yet who sends it. */
  #decision: AuditDecision | undefined;

  constructor(context: AuditContext, request: HttpRequest, info: RequestInfo, auditID: string) {
    this.#context = context;
    this.#request = request;
    this.#info = info;
    const agent = request.headers.get('user-agent') ?? '';
    this.#event = {
      level: 'None',
      auditID,
      requestURI: shownUri(request.url),
      verb: info.verb,
      user: undefined,
      impersonatedUser: undefined,
      impersonationConstraint: '',
      sourceIPs: request.clientAddress === undefined ? [] : [request.clientAddress],
      userAgent: agent.length > userAgentUnitsMax ? `${agent.slice(0, userAgentUnitsMax)}...TRUNCATED` : agent,
      objectRef: info.isResource ? referenceOf(info) : undefined,
      responseStatus: undefined,
      requestObject: undefined,
      responseObject: undefined,
      receivedMs: context.clock.now(),
      annotations: this.#annotations,
      truncated: false,
    };
  }

  /** Who sends it, in whosever name. */
  sentBy(user: User): void {
    for (const [key, value] of Object.entries(user.notes ?? {})) this.annotate(key, value);
    this.#decide(user);
    this.#emit('RequestReceived');
  }

  impersonates(user: User, constraint: string): void {
    this.#event.impersonatedUser = user;
    this.#event.impersonationConstraint = constraint;
  }

  authorized(allowed: boolean, reason: string): void {
    this.#annotations[decisionKey] = allowed ? 'allow' : 'forbid';
    this.#annotations[reasonKey] = reason;
  }

  /** The first value of a key stays, as upstream. */
  readonly annotate = (key: string, value: string): void => {
    this.#annotations[key] ??= value;
  };

  /** The body. `bytes`: its length as it came. */
  requestObject(object: object, bytes: number): void {
    if (this.#level === 'None') return;
    this.#refersTo(object as Named);
    if (this.#level === 'Metadata') return;
    if (bytes > this.#context.eventBytesMax) this.#event.truncated = true;
    else this.#event.requestObject = this.#shown(JSON.stringify(object));
  }

  /** A patch, as it came. */
  requestPatch(patch: string): void {
    if (this.#level === 'None' || this.#level === 'Metadata') return;
    if (patch.length > this.#context.eventBytesMax) {
      this.#event.truncated = true;
      return;
    }
    try {
      this.#event.requestObject = JSON.stringify(JSON.parse(patch));
    } catch {
      this.#event.requestObject = JSON.stringify(patch);
    }
  }

  /** The last thing that happens to it, unless the answer goes on for long: that one is heard of again at its end. */
  answered(answer: HttpAnswer): void {
    if (!this.#decision) {
      if (answer.status === 401) this.#unauthenticated();
      return;
    }
    if (this.#level === 'None') return;
    const text = jsonOf(answer);
    const status = statusOf(answer, text);
    this.#event.responseStatus = status;
    if (this.#level === 'RequestResponse') this.#responseObject(answer, text);
    // What is thrown by surprise here is what panics there.
    if (status.reason === 'InternalError') {
      this.#emit('Panic');
      return;
    }
    if (!this.#isLong) {
      this.#emit('ResponseComplete');
      return;
    }
    this.#emit('ResponseStarted');
    const complete = () => this.#emit('ResponseComplete');
    if (answer.body instanceof ReadableStream) answer.body = watchedEnd(answer.body, complete);
    else complete();
  }

  #unauthenticated(): void {
    this.#decide(undefined);
    const tried = presented(this.#request);
    const message =
      tried.length === 0
        ? 'Authentication failed, no credentials provided'
        : `Authentication failed, attempted: ${tried.join(', ')}`;
    this.#event.responseStatus = { message, code: 401 };
    this.#emit('ResponseStarted');
  }

  get #level() {
    return this.#event.level;
  }

  get #isLong(): boolean {
    const { verb, subresource } = this.#info;
    return this.#info.isResource && (longVerbs.has(verb) || longSubresources.has(subresource));
  }

  #decide(user: User | undefined): void {
    this.#decision = this.#context.evaluate(this.#info, user);
    this.#event.level = this.#decision.level;
    this.#event.user = user;
  }

  #refersTo({ metadata }: Named): void {
    const { objectRef } = this.#event;
    if (!objectRef || !metadata) return;
    for (const field of ['name', 'namespace', 'uid', 'resourceVersion'] as const) {
      const value = metadata[field];
      if (typeof value === 'string' && value !== '') objectRef[field] ??= value;
    }
  }

  #responseObject(answer: HttpAnswer, text: string | undefined): void {
    if (text !== undefined && text.length <= this.#context.eventBytesMax)
      this.#event.responseObject = this.#shown(text);
    else if (text !== undefined || (answer.body instanceof ReadableStream && !this.#isLong))
      this.#event.truncated = true;
  }

  #shown(json: string): string | undefined {
    return shownObject(json, this.#info, this.#decision?.omitManagedFields ?? false);
  }

  #emit(stage: AuditStage): void {
    const decision = this.#decision;
    if (!decision || decision.level === 'None' || decision.omitStages.has(stage)) return;
    const { clock, eventBytesMax } = this.#context;
    this.#context.write(eventText({ ...this.#event, stage, stageMs: clock.now() }, eventBytesMax), decision);
  }
}

function referenceOf({ resource, namespace, name, group, version, subresource }: RequestInfo) {
  return {
    resource,
    ...(namespace === '' ? {} : { namespace }),
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { apiGroup: group }),
    apiVersion: version,
    ...(subresource === '' ? {} : { subresource }),
  };
}

/** The answer's object as JSON; undefined: it is none, or comes in pieces. */
function jsonOf(answer: HttpAnswer): string | undefined {
  if (answer.json !== undefined) return answer.json;
  const { body } = answer;
  return typeof body === 'string' && answer.header('Content-Type') === 'application/json' ? body : undefined;
}

function statusOf({ status: code }: HttpAnswer, text: string | undefined): ResponseStatus {
  if (!text?.startsWith('{"kind":"Status"')) return { code };
  const { status, message, reason, details } = JSON.parse(text) as ResponseStatus;
  return {
    ...(status ? { status } : {}),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code,
  };
}
