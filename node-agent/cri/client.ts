// A promise-shaped gRPC client of CRI v1 and of containerd's native event stream, from descriptors in JSON. It knows
// transport only: no retry and no meaning. Numbers of 64 bits become JavaScript numbers (nanoseconds lose their last digits).
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { RuntimeError } from '../runtime.ts';

const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: false } as const;

const eventsDescriptor = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: { Any: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } } },
        },
      },
    },
    containerd: {
      nested: {
        services: {
          nested: {
            events: {
              nested: {
                v1: {
                  nested: {
                    Events: {
                      methods: {
                        Subscribe: { requestType: 'SubscribeRequest', responseType: 'Envelope', responseStream: true },
                      },
                    },
                    SubscribeRequest: { fields: { filters: { rule: 'repeated', type: 'string', id: 1 } } },
                    Envelope: {
                      fields: {
                        namespace: { type: 'string', id: 2 },
                        topic: { type: 'string', id: 3 },
                        event: { type: 'google.protobuf.Any', id: 4 },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

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

export class CriClient {
  readonly #runtime: grpc.Client;
  readonly #image: grpc.Client;
  readonly #events: grpc.Client;

  constructor(socket: string) {
    const descriptor = JSON.parse(readFileSync(new URL('./cri-v1.json', import.meta.url), 'utf8')) as Parameters<
      typeof fromJSON
    >[0];
    const cri = grpc.loadPackageDefinition(fromJSON(descriptor, options));
    const events = grpc.loadPackageDefinition(fromJSON(eventsDescriptor as Parameters<typeof fromJSON>[0], options));
    const address = `unix://${socket}`;
    this.#runtime = serviceClient(cri, ['runtime', 'v1', 'RuntimeService'], address);
    this.#image = serviceClient(cri, ['runtime', 'v1', 'ImageService'], address);
    this.#events = serviceClient(events, ['containerd', 'services', 'events', 'v1', 'Events'], address);
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
    const metadata = new grpc.Metadata();
    metadata.set('containerd-namespace', 'k8s.io');
    const stream = subscribe.call(client, { filters: ['namespace==k8s.io,topic~=/tasks/'] }, metadata);
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

function call<T>(client: grpc.Client, method: string, request: unknown, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const unary = (client as grpc.Client & Record<string, unknown>)[method] as Unary;
    unary.call(
      client,
      request,
      new grpc.Metadata(),
      { deadline: new Date(Date.now() + deadlineMs) },
      (error, value) => {
        if (error) reject(new RuntimeError(grpc.status[error.code] ?? 'UNKNOWN', error.details));
        else resolve(value as T);
      },
    );
  });
}
