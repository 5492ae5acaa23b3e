// One HTTP request that has been authenticated, resolved and authorised.

import { ApiError } from '../../machinery/errors.ts';
import type { AnyResource, Subresource } from '../../machinery/resource.ts';
import type { Core, User } from '../core.ts';
import { type AcceptForm, negotiate } from '../negotiation/accept.ts';
import type { RequestInfo } from '../routing.ts';
import type { Form } from '../storage/forms.ts';

export interface RestRequest {
  readonly core: Core;
  readonly request: Request;
  readonly url: URL;
  readonly info: RequestInfo;
  readonly definition: AnyResource;
  readonly subresource: Subresource | undefined;
  readonly user: User;
}

/** How the client wants objects and lists. Throws NotAcceptable (406) or BadRequest. */
export function formOf(rest: RestRequest): { form: Form; accept: AcceptForm } {
  const accept = negotiate(rest.request.headers.get('accept'));
  return { accept, form: accept.as === 'table' ? tableForm(rest.url.searchParams) : plainForm(accept) };
}

function plainForm(accept: AcceptForm): Form {
  return accept.as === 'object' ? { type: 'object' } : { type: 'partial' };
}

function tableForm(query: URLSearchParams): Form {
  const includeObject = query.get('includeObject') || 'Metadata';
  if (includeObject !== 'None' && includeObject !== 'Metadata' && includeObject !== 'Object')
    throw new ApiError(
      'BadRequest',
      `Invalid value: ${JSON.stringify(includeObject)}: must be None, Metadata, or Object`,
    );
  return { type: 'table', includeObject, columns: true };
}
