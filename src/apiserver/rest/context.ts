// One HTTP request that has been authenticated, resolved and authorised.

import { type ApiError, errors } from '../../machinery/errors.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import type { AnyResource, Authority, Subresource } from '../../machinery/resource.ts';
import type { AuditedRequest } from '../audit/request.ts';
import type { Impersonator } from '../authn/impersonation.ts';
import type { Core, User } from '../core.ts';
import { type AcceptForm, negotiate, notAcceptable } from '../negotiation/accept.ts';
import type { Reading } from '../negotiation/list-response.ts';
import { type AnswerOptions, answering } from '../negotiation/respond.ts';
import type { RequestInfo } from '../routing.ts';
import type { Form } from '../storage/forms.ts';

export interface RestRequest {
  readonly core: Core;
  readonly request: HttpRequest;
  readonly url: URL;
  readonly info: RequestInfo;
  readonly definition: AnyResource;
  readonly subresource: Subresource | undefined;
  readonly user: User;
  /** Who sends it, when `user` is somebody else in whose name it is sent; for the audit log. */
  readonly impersonator?: Impersonator | undefined;
  /** Absent: it is not audited. */
  readonly audit?: AuditedRequest | undefined;
  /** Keeps the request under way, as flow control counts it, until its answer has been read; `abandon` ends it when nobody reads it. */
  reading(abandon: () => void): Reading;
  /** What the user may do, where the kind wants to know it; absent: everything. */
  readonly authority?: Authority;
  /** Throws Forbidden where the user may not create the object that the request names. */
  mayCreate(): void;
  /** Throws Forbidden where it is known already that the user may not read it. */
  mayGet(): void;
}

/** How the client wants objects and lists. Throws NotAcceptable (406) or BadRequest. */
export function formOf(rest: RestRequest): { form: Form; accept: AcceptForm; answer: AnswerOptions } {
  const { request, definition, info, core } = rest;
  const collection = info.verb === 'list' || info.verb === 'watch';
  const type = rest.subresource?.behaviour.type;
  const accept = negotiate(request, type === 'action' || type === 'connect' ? 'metadata' : 'all', collection);
  const answer = answering(request, accept, core.codec.protobuf);
  return { accept, answer, form: formFor(accept, rest.url.searchParams, definition, info.verb) };
}

function formFor(
  { as, version }: AcceptForm,
  query: URLSearchParams,
  definition: AnyResource,
  verb: RequestInfo['verb'],
): Form {
  switch (as) {
    case 'object':
      return { type: 'object' };
    case 'table':
      return tableForm(query, version);
    case 'partial':
      if (verb === 'list')
        throw notAcceptable(
          `you requested PartialObjectMetadata, but the requested object is a list (${goType(definition)}List)`,
        );
      return { type: 'partial', version };
    case 'partialList':
      // Upstream sends the events of such a watch as they are.
      if (verb === 'watch') return { type: 'object' };
      if (verb !== 'list') throw notAList(definition);
      return { type: 'partial', version };
  }
}

export function notAList(kind: Pick<AnyResource, 'group' | 'kind'>): ApiError {
  return notAcceptable(
    `you requested PartialObjectMetadataList, but the requested object is not a list (${goType(kind)})`,
  );
}

/** The type that upstream has in memory, as Go prints it: `*core.Pod`, `*networking.Ingress`. */
function goType({ group, kind }: Pick<AnyResource, 'group' | 'kind'>): string {
  return `*${group === '' ? 'core' : group.split('.', 1)[0]}.${kind}`;
}

function tableForm(query: URLSearchParams, version: AcceptForm['version']): Form {
  const includeObject = query.get('includeObject') || 'Metadata';
  if (includeObject !== 'None' && includeObject !== 'Metadata' && includeObject !== 'Object')
    throw errors.badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(includeObject)}: must be 'Metadata', 'Object', 'None', or empty`,
    );
  return { type: 'table', includeObject, columns: true, version };
}
