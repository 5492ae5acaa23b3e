// Resources that are only created and never stored: reviews of who one is and what one may do, and actions.
import type { HttpAnswer, HttpRequest } from '../../machinery/http.ts';
import { apiVersion, type KubeObject } from '../../machinery/meta.ts';
import type { AuditedRequest } from '../audit/request.ts';
import type { Core, User } from '../core.ts';
import { type AcceptForm, negotiate } from '../negotiation/accept.ts';
import { bodyFormat, readBody } from '../negotiation/body.ts';
import { answering, methodNotAllowed, textResponse } from '../negotiation/respond.ts';
import type { RequestInfo } from '../routing.ts';
import { notAList } from './context.ts';
import { fieldManager } from './field-manager.ts';
import { managedFieldsOfVirtual } from './managed.ts';
import { writeOptions } from './options.ts';

export interface VirtualResource {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  schema: string;
  namespaced: boolean;
  /** The answer to a body; `namespace` is the URL's. Throws ApiError. */
  create(body: KubeObject, user: User, namespace: string, dryRun: boolean): Promise<KubeObject> | KubeObject;
}

export async function createVirtual(
  core: Core,
  resource: VirtualResource,
  request: HttpRequest,
  url: URL,
  info: RequestInfo,
  user: User,
  audit?: AuditedRequest,
): Promise<HttpAnswer> {
  if (info.verb !== 'create') throw methodNotAllowed();
  const accept = negotiate(request, 'metadata');
  const how = answering(request, accept, core.codec.protobuf);
  const options = writeOptions('CreateOptions', url.searchParams);
  const format = bodyFormat(request.headers.get('content-type'));
  const bytes = await readBody(request);
  const { object, warnings } = core.codec.decode(bytes, format, resource, options.fieldValidation);
  audit?.requestObject(object, bytes.byteLength);
  const managedFields = managedFieldsOfVirtual(core, resource, object, fieldManager(request, options.fieldManager));
  if (managedFields) object.metadata.managedFields = managedFields;
  else delete object.metadata.managedFields;
  const answer = await resource.create(object, user, info.namespace, options.dryRun);
  return textResponse(JSON.stringify(inForm(answer, resource, accept)), { code: 201, ...how, warnings });
}

function inForm(answer: KubeObject, resource: VirtualResource, { as, version }: AcceptForm): object {
  if (as === 'partialList') throw notAList(resource);
  if (as === 'partial')
    return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: answer.metadata };
  const { kind = resource.kind, apiVersion: inVersion = apiVersion(resource), ...content } = answer;
  return { kind, apiVersion: inVersion, ...content };
}
