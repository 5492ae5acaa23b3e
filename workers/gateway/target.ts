// Requests whose target does not survive the way through the gateway: a URL is made of the Host header, and what is passed on to
// an object loses its dot segments. Such requests end here, before their path could come to mean something else. So do those that
// came in the clear, before anything reads their credentials: workers.dev passes plain http on. It is not led to https: whoever
// is gets used to sending tokens that anybody can read.
import { ApiError, errors } from '../../src/machinery/errors.ts';

/** `wrangler dev`. */
const onLoopback = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?#]|$)/;

/** Undefined: nothing is wrong with it. `url` is as it came, not resolved. */
export function refusal(url: string, host: string): ApiError | undefined {
  if (url.startsWith('http:') && !onLoopback.test(url))
    return errors.badRequest('Client sent an HTTP request to an HTTPS server.');
  if (!URL.canParse(url) || /[\s/?#@\\]/.test(host)) return errors.badRequest('400 Bad Request: malformed Host header');
  const [, path = ''] = /^[^/?#]*\/\/[^/?#]*([^?#]*)/.exec(url) ?? [];
  const segments = path.split('/').filter((segment) => segment !== '');
  const isDots = (segment: string | undefined) => segment === '.' || segment === '..';
  if (!segments.some(isDots)) return undefined;
  // Upstream's answer to a name.
  const last = segments.at(-1);
  return isDots(last)
    ? errors.badRequest(`Name parameter invalid: "${last}": may not be '${last}'`)
    : new ApiError('NotFound', 'the server could not find the requested resource', {});
}
