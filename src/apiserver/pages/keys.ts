// Keys that are replaced while everything runs: below /tiffin.dev/v1/keys an administrator sees how they are (GET) and has
// them rotated (POST FAMILY/ACTION). A family brings its own actions; what they mean is its business. No key ever leaves.
import { readJson } from '../../machinery/body.ts';
import { errors } from '../../machinery/errors.ts';
import { HttpAnswer, type HttpRequest } from '../../machinery/http.ts';
import { isJsonObject } from '../../machinery/schema/json.ts';
import { methodNotAllowed } from '../negotiation/respond.ts';

export interface KeyFamily {
  /** How its keys are; JSON. */
  status(): Promise<object>;
  /** `body`: whatever the client sent, an object at least. Answers what became of it. Throws ApiError. */
  readonly actions: Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => Promise<object>>>;
}

/** By name, such as `service-account`. */
export type KeyFamilies = Readonly<Record<string, KeyFamily>>;

export const keysPath = '/tiffin.dev/v1/keys';
const bodyBytesMax = 4096;

/** Undefined: there is nothing at this path. */
export async function answerKeys(
  families: KeyFamilies,
  request: HttpRequest,
  path: string,
): Promise<HttpAnswer | undefined> {
  const [name = '', action, ...rest] = path.slice(keysPath.length + 1).split('/');
  if (rest.length > 0) return undefined;
  if (name === '') {
    requireMethod(request, 'GET');
    const entries = Object.entries(families).map(async ([one, family]) => [one, await family.status()] as const);
    return json(Object.fromEntries(await Promise.all(entries)));
  }
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  if (!family) return undefined;
  if (action === undefined) {
    requireMethod(request, 'GET');
    return json(await family.status());
  }
  const act = Object.hasOwn(family.actions, action) ? family.actions[action] : undefined;
  if (!act) return undefined;
  requireMethod(request, 'POST');
  const body = await readJson(request, bodyBytesMax);
  if (!isJsonObject(body)) throw errors.badRequest('the body must be a JSON object');
  return json(await act(body));
}

function requireMethod(request: HttpRequest, method: string): void {
  if (request.method !== method) throw methodNotAllowed();
}

const json = (document: object): HttpAnswer =>
  new HttpAnswer(JSON.stringify(document, undefined, 2), {
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  });
