// Which kinds of credentials a request brings, in upstream's names, good or bad. For the audit log.
import type { HttpRequest } from '../../machinery/http.ts';

export function presented({ headers, url, peerCertificate }: HttpRequest): string[] {
  const [scheme = '', credential = ''] = (headers.get('authorization') ?? '').trim().split(' ');
  const has = (kind: string) => scheme.toLowerCase() === kind && credential !== '';
  return [
    ...(has('basic') ? ['basic'] : []),
    ...(has('bearer') ? ['bearer'] : []),
    ...(/[?&]access_token=[^&]/.test(url) ? ['access_token'] : []),
    ...(peerCertificate ? ['x509'] : []),
  ];
}
