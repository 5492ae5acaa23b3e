// certificates.k8s.io/v1 CertificateSigningRequest. Its spec says what is asked, and, as the server saw it, by whom; it never
// changes. `approval` writes the decision, `status` the certificate.

import type { CertificateSigningRequest } from '../../../generated/schemas/certificates-v1.ts';
import { certificateSigningRequests } from '../../../generated/schemas/index.ts';
import type { FieldError } from '../../../machinery/errors.ts';
import { defineResource, type StrategyContext, type Subresource } from '../../../machinery/resource.ts';
import { formatTime, humanDuration } from '../../../machinery/time.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { Problems } from '../../problems.ts';
import { keepAllBut } from '../../subresources.ts';
import { requestSignatureProblem } from './request.ts';
import { type Allowed, validateRequest, validateRequestUpdate } from './validation.ts';

type Request = CertificateSigningRequest;

/** Times that the client left out: of an update now, of a transition when the condition became what it is. */
function fillTimes(request: Request, old: Request, context: StrategyContext): void {
  const now = formatTime(context.clock.now());
  for (const condition of request.status?.conditions ?? []) {
    const same = (old.status?.conditions ?? []).find(
      (one) => one.type === condition.type && one.status === condition.status && one.lastTransitionTime,
    );
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= same?.lastTransitionTime ?? now;
  }
}

/** Decisions stay as they were made, unless one was added or taken away, which validation refuses. */
function keepDecisions(request: Request, old: Request): void {
  const conditions = request.status?.conditions ?? [];
  for (const type of ['Approved', 'Denied']) {
    const before = (old.status?.conditions ?? []).filter((one) => one.type === type);
    const at = conditions.flatMap((one, i) => (one.type === type ? [i] : []));
    if (at.length !== before.length) continue;
    at.forEach((index, i) => {
      conditions[index] = before[i] as (typeof conditions)[number];
    });
  }
}

const checked = (request: Request, old: Request, allowed: Allowed): FieldError[] => {
  const problems = new Problems();
  validateRequestUpdate(problems, request, old, allowed);
  return problems.list;
};

const part = (
  name: string,
  allowed: Allowed,
  prepare: (request: Request, old: Request, context: StrategyContext) => void,
): Subresource<Request> => ({
  name,
  verbs: ['get', 'update', 'patch'],
  behaviour: {
    type: 'part',
    prepareForUpdate(request, old, context) {
      keepAllBut(request, old, ['status']);
      request.status ??= {};
      prepare(request, old, context);
    },
    validateUpdate: (request, old) => checked(request, old, allowed),
  },
});

function condition({ status }: Request): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((one) => one.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',');
}

export default defineResource<Request>({
  ...certificateSigningRequests,
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  schema: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    validateName: () => [],
    prepareForCreate(request, { user }) {
      request.spec ??= { request: '', signerName: '' };
      const { spec } = request;
      for (const field of ['username', 'uid', 'groups', 'extra'] as const) delete spec[field];
      spec.username = user.name;
      if (user.uid) spec.uid = user.uid;
      if (user.groups.length > 0) spec.groups = [...user.groups];
      if (Object.keys(user.extra ?? {}).length > 0)
        spec.extra = Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]));
      request.status = {};
    },
    prepareForUpdate(request, old) {
      request.spec = old.spec;
      request.status = old.status;
    },
    validate(request, context) {
      const problems = new Problems();
      problems.addAll(context.inspected ?? []);
      if (context.operation === 'create') validateRequest(problems, request);
      return problems.list;
    },
    validateUpdate: (request, old) => checked(request, old, {}),
    async inspect(request) {
      const problems = new Problems();
      const wrong = await requestSignatureProblem(request);
      if (wrong) problems.invalid('spec.request', request.spec.request, wrong);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    ageColumn,
    {
      name: 'SignerName',
      type: 'string',
      doc: 'certificates.v1beta1.CertificateSigningRequestSpec.signerName',
      cell: (request) => request.spec?.signerName || '<none>',
    },
    {
      name: 'Requestor',
      type: 'string',
      doc: 'certificates.v1beta1.CertificateSigningRequestSpec.request',
      cell: (request) => request.spec?.username ?? '',
    },
    {
      name: 'RequestedDuration',
      type: 'string',
      doc: 'certificates.v1.CertificateSigningRequestSpec.expirationSeconds',
      cell: ({ spec }) =>
        spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    },
    {
      name: 'Condition',
      type: 'string',
      doc: 'certificates.v1beta1.CertificateSigningRequestStatus.conditions',
      cell: condition,
    },
  ],
  selectableFields: { 'spec.signerName': (request) => request.spec?.signerName ?? '' },
  subresources: [
    part('approval', { decision: true }, (request, old, context) => {
      fillTimes(request, old, context);
      const { conditions } = request.status;
      request.status = { ...old.status };
      if (conditions) request.status.conditions = conditions;
      else delete request.status.conditions;
    }),
    part('status', { certificate: true }, (request, old, context) => {
      keepDecisions(request, old);
      fillTimes(request, old, context);
    }),
  ],
});
