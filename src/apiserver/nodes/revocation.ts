// DELETE /tiffin.dev/v1/credentials/NODE: a node's credential is gone at once. A path beside the API, since upstream has no such
// resource; roles allow it as a non-resource URL.
import { errors } from '../../machinery/errors.ts';
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';

const credentialsPath = '/tiffin.dev/v1/credentials/';
export type RevokeNode = (node: string) => Promise<void>;

/** Undefined: it is no such path. */
export async function answerRevocation(
  revoke: RevokeNode | undefined,
  { method }: HttpRequest,
  path: string,
): Promise<HttpAnswer | undefined> {
  if (!revoke || !path.startsWith(credentialsPath)) return undefined;
  const node = path.slice(credentialsPath.length);
  if (!/^[a-z0-9.-]+$/.test(node)) return undefined;
  if (method !== 'DELETE') throw errors.badRequest('DELETE is the only method here');
  await revoke(node);
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  return new HttpAnswer(JSON.stringify(status), { headers: { 'Content-Type': 'application/json' } });
}
