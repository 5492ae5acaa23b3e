// storage.k8s.io/v1 VolumeAttachment: its spec never changes.

import { volumeAttachments } from '../../../generated/schemas/index.ts';
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from '../../../generated/schemas/storage-v1.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { isDns1123Subdomain } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { defaultSources } from '../../core/persistentvolumes/sources.ts';
import { validateVolumeSpec } from '../../core/persistentvolumes/validation.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';
import { resetMetadata, statusSubresource } from '../../subresources.ts';
import { mapBytes, validateDriverName } from '../validation.ts';

const metadataBytesMax = 256 * 1024;
const messageBytesMax = 1024;

function validateSource(problems: Problems, source: VolumeAttachmentSource): void {
  const path = 'spec.source';
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source;
  if (inline && name !== undefined) problems.forbidden(path, one);
  else if (inline) validateVolumeSpec(problems, `${path}.inlineVolumeSpec`, inline, '', true);
  else if (name === undefined) problems.required(path, one);
  else if (name === '')
    problems.required(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName');
}

function validateError(problems: Problems, path: string, error: VolumeError | undefined): void {
  // The limit in the message is upstream's, and not the one that is meant.
  if (new TextEncoder().encode(error?.message ?? '').length > messageBytesMax)
    problems.tooLong(`${path}.message`, metadataBytesMax);
  if (error?.errorCode !== undefined && error.errorCode < 0)
    problems.invalid(`${path}.errorCode`, error.errorCode, 'must be between 0 and 2147483647, inclusive');
}

function validate(problems: Problems, { spec, status }: VolumeAttachment): void {
  if (!spec?.attacher) problems.required('spec.attacher');
  validateSource(problems, spec?.source ?? {});
  problems.invalidAll('spec.nodeName', spec?.nodeName ?? '', isDns1123Subdomain(spec?.nodeName ?? ''));
  if (mapBytes(status?.attachmentMetadata) > metadataBytesMax)
    problems.tooLong('status.attachmentMetadata', metadataBytesMax);
  validateError(problems, 'status.attachError', status?.attachError);
  validateError(problems, 'status.detachError', status?.detachError);
}

/** As upstream shows it. */
const specForm = `Attacher:attacher=s Source:source[PersistentVolumeName:persistentVolumeName=p InlineVolumeSpec:inlineVolumeSpec=p] NodeName:nodeName=s`;

function validateUpdate(object: VolumeAttachment, old: VolumeAttachment) {
  const problems = new Problems();
  // Upstream validates twice, and lists each problem as often.
  validate(problems, object);
  validate(problems, object);
  if (!deepEqual(object.spec, old.spec))
    problems.invalid('spec', goFormOf(specForm, object.spec), fieldImmutableMessage);
  return problems.list;
}

export default defineResource<VolumeAttachment>({
  ...volumeAttachments,
  singular: 'volumeattachment',
  schema: 'io.k8s.api.storage.v1.VolumeAttachment',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    allowUnconditionalUpdate: false,
    returnDeletedObject: true,
    defaults(object) {
      object.status ??= { attached: false };
      const inline = object.spec?.source?.inlineVolumeSpec;
      if (inline) defaultSources(inline);
    },
    prepareForCreate(object) {
      object.status = { attached: false };
    },
    prepareForUpdate(object, old) {
      object.status = old.status;
    },
    validate(object, context) {
      if (context.operation !== 'create') return [];
      const problems = new Problems();
      validate(problems, object);
      const name = object.spec?.source?.persistentVolumeName;
      validateDriverName(problems, 'spec.attacher', object.spec?.attacher);
      if (name !== undefined) problems.invalidAll('spec.source.persistentVolumeName', name, isDns1123Subdomain(name));
      return problems.list;
    },
    validateUpdate,
  },
  columns: [
    nameColumn,
    {
      name: 'Attacher',
      type: 'string',
      format: 'name',
      doc: 'storage.v1.VolumeAttachmentSpec.attacher',
      cell: (object) => object.spec?.attacher ?? '',
    },
    {
      name: 'PV',
      type: 'string',
      doc: 'storage.v1.VolumeAttachmentSource.persistentVolumeName',
      cell: (object) => object.spec?.source?.persistentVolumeName ?? '',
    },
    {
      name: 'Node',
      type: 'string',
      doc: 'storage.v1.VolumeAttachmentSpec.nodeName',
      cell: (object) => object.spec?.nodeName ?? '',
    },
    {
      name: 'Attached',
      type: 'boolean',
      doc: 'storage.v1.VolumeAttachmentStatus.attached',
      cell: (object) => object.status?.attached ?? false,
    },
    ageColumn,
  ],
  subresources: [
    statusSubresource<VolumeAttachment>({
      resetFields: ['metadata'],
      prepare(object, old) {
        object.status ??= { attached: false };
        resetMetadata(object, old);
      },
      validate: validateUpdate,
    }),
  ],
});
