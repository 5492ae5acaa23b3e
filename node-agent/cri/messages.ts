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

type CriNumber = { value: number } | null | undefined;

/** Beside them each has a `timestamp`, in nanoseconds. */
export interface CriUsage {
  cpu?: { timestamp: number; usage_core_nano_seconds?: CriNumber } | null;
  memory?: {
    timestamp: number;
    usage_bytes?: CriNumber;
    working_set_bytes?: CriNumber;
    rss_bytes?: CriNumber;
    page_faults?: CriNumber;
    major_page_faults?: CriNumber;
  } | null;
}

export interface CriFilesystem {
  timestamp: number;
  fs_id?: { mountpoint: string } | null;
  used_bytes?: CriNumber;
  inodes_used?: CriNumber;
}

export interface CriContainerStats extends CriUsage {
  attributes?: { id: string } | null;
  writable_layer?: CriFilesystem | null;
}

export interface CriInterface {
  name: string;
  rx_bytes?: CriNumber;
  rx_errors?: CriNumber;
  tx_bytes?: CriNumber;
  tx_errors?: CriNumber;
}

export interface CriSandboxStats {
  attributes?: { id: string } | null;
  linux?:
    | (CriUsage & {
        network?: { default_interface?: CriInterface | null; interfaces: CriInterface[] } | null;
        process?: { process_count?: CriNumber } | null;
      })
    | null;
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
