// The few CRI calls that stopping a node takes, with their messages written by hand (field numbers of CRI v1). Everything
// else about containers is the agent's.
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import * as grpc from '@grpc/grpc-js';

const service = '/runtime.v1.RuntimeService';

function call(client: grpc.Client, method: string, request: Uint8Array, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `${service}/${method}`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      request,
      new grpc.Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => (error ? reject(error) : resolve(answer ?? Buffer.alloc(0))),
    );
  });
}

/** The first string field (number 1) of every message in repeated field 1: ids of a list answer. */
export function idsOf(answer: Uint8Array): string[] {
  const ids: string[] = [];
  const reader = new BinaryReader(answer);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field !== 1) {
      reader.skip(type);
      continue;
    }
    const item = new BinaryReader(reader.bytes());
    while (item.pos < item.len) {
      const [itemField, itemType] = item.tag();
      if (itemField === 1) ids.push(item.string());
      else item.skip(itemType);
    }
  }
  return ids;
}

const empty = new Uint8Array();
const byId = (id: string) => new BinaryWriter().uint32(10).string(id).finish();
/** ListContainersRequest{filter{state{state: CONTAINER_RUNNING}}} */
const running = new BinaryWriter().uint32(10).fork().uint32(18).fork().uint32(8).int32(1).join().join().finish();
const stopContainer = (id: string, timeoutS: number) =>
  new BinaryWriter().uint32(10).string(id).uint32(16).int64(timeoutS).finish();

/**
 * Ends every container (SIGTERM, SIGKILL after `graceMs`) and removes every pod sandbox. Rejects when containerd does not
 * answer; one pod that resists does not keep the others.
 */
export async function removeAllPods(socket: string, graceMs: number): Promise<{ removed: number; failures: string[] }> {
  const client = new grpc.Client(`unix://${socket}`, grpc.credentials.createInsecure());
  const failures: string[] = [];
  const note = (error: Error) => void failures.push(error.message);
  try {
    const containers = idsOf(await call(client, 'ListContainers', running, 5000));
    const graceS = Math.ceil(graceMs / 1000);
    await Promise.all(
      containers.map((id) => call(client, 'StopContainer', stopContainer(id, graceS), graceMs + 10_000).catch(note)),
    );
    const sandboxes = idsOf(await call(client, 'ListPodSandbox', empty, 5000));
    await Promise.all(
      sandboxes.map(async (id) => {
        await call(client, 'StopPodSandbox', byId(id), 20_000).catch(note);
        await call(client, 'RemovePodSandbox', byId(id), 20_000).catch(note);
      }),
    );
    return { removed: sandboxes.length, failures };
  } finally {
    client.close();
  }
}
