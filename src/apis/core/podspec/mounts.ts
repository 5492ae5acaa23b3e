// Validation of a container's volume mounts and block devices against the pod's volumes (core/validation:
// ValidateVolumeMounts, ValidateVolumeDevices).

import type { Container, Volume, VolumeMount } from '../../../generated/schemas/core-v1.ts';
import type { Problems } from '../../problems.ts';
import { validateDescendingPath } from './paths.ts';

const propagations = ['Bidirectional', 'HostToContainer', 'None'];

function validateRecursiveReadOnly(problems: Problems, path: string, mount: VolumeMount): void {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined) return;
  if (!['Disabled', 'IfPossible', 'Enabled'].includes(mode)) {
    problems.notSupported(path, mode, ['Disabled', 'Enabled', 'IfPossible']);
  } else if (mode !== 'Disabled') {
    if (!mount.readOnly) problems.forbidden(path, `may only be specified when readOnly is true`);
    if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None')
      problems.forbidden(path, 'may only be specified when mountPropagation is None or not specified');
  }
}

/** Some problems are reported on the list's path without an index: so does upstream. */
export function validateVolumeMounts(
  problems: Problems,
  path: string,
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
): void {
  const devices = new Set((container.volumeDevices ?? []).map((device) => device.name));
  const devicePaths = new Set((container.volumeDevices ?? []).map((device) => device.devicePath));
  const points = new Set<string>();
  (container.volumeMounts ?? []).forEach((mount, i) => {
    const at = `${path}[${i}]`;
    const name = mount.name ?? '';
    const mountPath = mount.mountPath ?? '';
    if (name === '') problems.required(`${at}.name`);
    if (!volumes.has(name)) problems.notFound(`${at}.name`, name);
    if (mountPath === '') problems.required(`${at}.mountPath`);
    if (points.has(mountPath)) problems.invalid(`${at}.mountPath`, mountPath, 'must be unique');
    points.add(mountPath);
    if (devices.has(name)) problems.invalid(`${at}.name`, name, 'must not already exist in volumeDevices');
    if (devicePaths.has(mountPath))
      problems.invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices');
    if (mount.subPath) validateDescendingPath(problems, `${path}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath)
        problems.invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
      validateDescendingPath(problems, `${path}.subPathExpr`, mount.subPathExpr);
    }
    if (mount.mountPropagation !== undefined) {
      problems.oneOf(`${path}.mountPropagation`, mount.mountPropagation, propagations, 'unsupported');
      if (mount.mountPropagation === 'Bidirectional' && !container.securityContext?.privileged)
        problems.forbidden(
          `${path}.mountPropagation`,
          'Bidirectional mount propagation is available only to privileged containers',
        );
    }
    validateRecursiveReadOnly(problems, `${path}.recursiveReadOnly`, mount);
  });
}

export function validateVolumeDevices(
  problems: Problems,
  path: string,
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
): void {
  const mounts = new Set((container.volumeMounts ?? []).map((mount) => mount.name));
  const mountPaths = new Set((container.volumeMounts ?? []).map((mount) => mount.mountPath));
  const names = new Set<string>();
  const paths = new Set<string>();
  (container.volumeDevices ?? []).forEach((device, i) => {
    const at = `${path}[${i}]`;
    const { name = '', devicePath = '' } = device;
    const volume = volumes.get(name);
    if (name === '') problems.required(`${at}.name`);
    if (names.has(name)) problems.invalid(`${at}.name`, name, 'must be unique');
    if (!volume) problems.notFound(`${at}.name`, name);
    else if (!volume.persistentVolumeClaim && !volume.ephemeral)
      problems.invalid(
        `${at}.name`,
        name,
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      );
    if (devicePath === '') problems.required(`${at}.devicePath`);
    if (paths.has(devicePath)) problems.invalid(`${at}.devicePath`, devicePath, 'must be unique');
    if (devicePath.split('/').includes('..'))
      problems.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mounts.has(name)) problems.invalid(`${at}.name`, name, 'must not already exist in volumeMounts');
    if (mountPaths.has(devicePath))
      problems.invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts');
    if (name !== '') names.add(name);
  });
}
