// Whom a write is put down to: whoever it names, or the user agent.
import type { HttpRequest } from '../../machinery/http.ts';

const managerBytesMax = 128;
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** `named`: the request's fieldManager. */
export const fieldManager = (request: HttpRequest, named = ''): string =>
  named || managerOf(request.headers.get('user-agent') ?? '');

/** What the user agent says before the first `/`. */
function managerOf(userAgent: string): string {
  const name = (userAgent.split('/')[0] ?? '').replace(unprintable, '');
  let manager = name.slice(0, managerBytesMax);
  while (new TextEncoder().encode(manager).length > managerBytesMax) manager = [...manager].slice(0, -1).join('');
  return manager;
}
