// Promise-shaped gRPC clients of CRI v1, of containerd's native event stream and of its containers and tasks, from descriptors in
// JSON. They know transport only: no retry and no meaning. Numbers of 64 bits become JavaScript numbers (nanoseconds lose their
// last digits). Clients of one socket share its connection.
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { RuntimeError } from '../runtime.ts';

const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: false } as const;

const services = ['containerd', 'services'];

type Unary = (
  request: unknown,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: (error: grpc.ServiceError | null, value: unknown) => void,
) => grpc.ClientUnaryCall;

function serviceClient(tree: grpc.GrpcObject, path: readonly string[], address: string): grpc.Client {
  let at: unknown = tree;
  for (const part of path) at = (at as Record<string, unknown>)[part];
  const Constructor = at as grpc.ServiceClientConstructor;
  return new Constructor(address, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  });
}

const descriptor = (file: string): grpc.GrpcObject =>
  grpc.loadPackageDefinition(
    fromJSON(
      JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as Parameters<typeof fromJSON>[0],
      options,
    ),
  );

/** What belongs to Kubernetes, of all that containerd runs. */
function kubernetes(): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set('containerd-namespace', 'k8s.io');
  return metadata;
}

export class CriClient {
  readonly #runtime: grpc.Client;
  readonly #image: grpc.Client;
  readonly #events: grpc.Client;

  constructor(socket: string) {
    const cri = descriptor('./cri-v1.json');
    const events = descriptor('./containerd-v1.json');
    const address = `unix://${socket}`;
    this.#runtime = serviceClient(cri, ['runtime', 'v1', 'RuntimeService'], address);
    this.#image = serviceClient(cri, ['runtime', 'v1', 'ImageService'], address);
    this.#events = serviceClient(events, [...services, 'events', 'v1', 'Events'], address);
  }

  runtime<T>(method: string, request: unknown, deadlineMs?: number): Promise<T> {
    return call(this.#runtime, method, request, deadlineMs ?? 120_000);
  }

  image<T>(method: string, request: unknown, deadlineMs?: number): Promise<T> {
    return call(this.#image, method, request, deadlineMs ?? 120_000);
  }

  /** Task events of the Kubernetes namespace until the stream ends; `ended` is called once. The result cancels it. */
  subscribe(onEvent: (topic: string, payload: Uint8Array) => void, ended: (error: unknown) => void): () => void {
    const client = this.#events as grpc.Client & Record<string, unknown>;
    const subscribe = client.Subscribe as (
      request: unknown,
      metadata: grpc.Metadata,
    ) => grpc.ClientReadableStream<{
      topic: string;
      namespace: string;
      event?: { value: Uint8Array };
    }>;
    const stream = subscribe.call(client, { filters: ['namespace==k8s.io,topic~=/tasks/'] }, kubernetes());
    let over = false;
    const end = (error: unknown): void => {
      if (over) return;
      over = true;
      ended(error);
    };
    stream.on('data', (envelope) => onEvent(envelope.topic, envelope.event?.value ?? new Uint8Array()));
    stream.on('error', end);
    stream.on('end', () => end(undefined));
    return () => {
      over = true;
      stream.cancel();
    };
  }

  close(): void {
    this.#runtime.close();
    this.#image.close();
    this.#events.close();
  }
}

/** containerd's own services, beneath CRI. */
export class ContainerdClient {
  readonly #containers: grpc.Client;
  readonly #tasks: grpc.Client;

  constructor(socket: string) {
    const containerd = descriptor('./containerd-v1.json');
    const address = `unix://${socket}`;
    this.#containers = serviceClient(containerd, [...services, 'containers', 'v1', 'Containers'], address);
    this.#tasks = serviceClient(containerd, [...services, 'tasks', 'v1', 'Tasks'], address);
  }

  container<T>(id: string): Promise<T> {
    return call(this.#containers, 'Get', { id }, 30_000, kubernetes());
  }

  task<T>(method: string, request: unknown): Promise<T> {
    return call(this.#tasks, method, request, 60_000, kubernetes());
  }

  /** The exit code, once there is one. */
  async wait(request: { container_id: string; exec_id: string }, signal: AbortSignal): Promise<number> {
    const answer = call<{ exit_status: number }>(this.#tasks, 'Wait', request, Infinity, kubernetes(), signal);
    return (await answer).exit_status;
  }

  close(): void {
    this.#containers.close();
    this.#tasks.close();
  }
}

function call<T>(
  client: grpc.Client,
  method: string,
  request: unknown,
  deadlineMs: number,
  metadata = new grpc.Metadata(),
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const unary = (client as grpc.Client & Record<string, unknown>)[method] as Unary;
    const deadline = deadlineMs === Infinity ? Infinity : Date.now() + deadlineMs;
    const cancel = (): void => under.cancel();
    const under = unary.call(client, request, metadata, { deadline }, (error, value) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(new RuntimeError(grpc.status[error.code] ?? 'UNKNOWN', error.details));
      else resolve(value as T);
    });
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
  });
}
