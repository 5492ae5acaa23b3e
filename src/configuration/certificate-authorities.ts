// Whom calls out of the control plane trust, where an administrator named an authority. The local control plane needs a
// network of its own for each, so what is configured must say all of them, in an order that does not change.
import type { Configuration } from './configuration.ts';

/** PEM bundles, each once. */
export function certificateAuthorities(configuration: Configuration): string[] {
  const { auditSinks, authentication, authorization, requestAuthentication } = configuration;
  const called = [
    ...(authentication?.jwt ?? []).map(({ issuer }) => issuer),
    requestAuthentication?.tokenWebhook?.server,
    auditSinks?.webhook?.server,
    ...(authorization?.authorizers ?? []).map((one) => (one.type === 'Webhook' ? one.webhook.server : undefined)),
  ];
  return [...new Set(called.flatMap((server) => server?.certificateAuthority ?? []))];
}

/** Each certificate of a bundle. */
export const certificatesIn = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
