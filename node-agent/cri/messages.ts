// The answers of CRI v1 as grpc-js decodes them (enums as strings, 64-bit numbers as numbers), the fields that are read.

export interface CriSandbox {
  id: string;
  metadata?: { name: string; uid: string; namespace: string; attempt: number };
  state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  /** Nanoseconds. */
  created_at: number;
  network?: { ip: string; additional_ips: { ip: string }[] } | null;
}

export interface CriContainer {
  id: string;
  pod_sandbox_id: string;
  metadata?: { name: string; attempt: number };
  state: 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';
  created_at: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface CriContainerStatus extends Omit<CriContainer, 'pod_sandbox_id'> {
  started_at: number;
  finished_at: number;
  exit_code: number;
  image?: { image: string } | null;
  image_ref: string;
  reason: string;
  message: string;
  user?: { linux?: { uid: number; gid: number; supplemental_groups: number[] } | null } | null;
}

export interface CriContainerStats {
  memory?: { usage_bytes?: { value: number } | null; working_set_bytes?: { value: number } | null } | null;
}

export interface CriImage {
  id: string;
  repo_tags: string[];
  repo_digests: string[];
  size: number;
  uid?: { value: number } | null;
  username: string;
  pinned: boolean;
}

export interface CriCondition {
  type: string;
  status: boolean;
  reason: string;
  message: string;
}
