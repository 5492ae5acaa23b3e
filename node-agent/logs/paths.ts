// Where the logs of pods are, as the kubelet and CRI have it: DIRECTORY/NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log.
import path from 'node:path';

export const podLogs = (
  directory: string,
  { namespace, name, uid }: { namespace?: string | undefined; name: string; uid: string },
): string => path.join(directory, `${namespace}_${name}_${uid}`);

/** Below {@link podLogs}; what CRI is told. */
export const instanceLog = (container: string, attempt: number): string => `${container}/${attempt}.log`;
