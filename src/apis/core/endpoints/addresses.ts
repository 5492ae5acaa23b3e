// Addresses that make no sense as the backend or the outside address of a service (ValidateNonSpecialIP).

import ipaddr from 'ipaddr.js';

/** Upstream's messages, none when the address may be used. The address has been found valid before. */
export function specialIpMessages(text: string): string[] {
  if (!ipaddr.isValid(text)) return ['must be a valid IP address'];
  const kind = ipaddr.process(text).range();
  if (kind === 'unspecified') return /^(0\.0\.0\.0|[0:]+)$/.test(text) ? [`may not be unspecified (${text})`] : [];
  if (kind === 'loopback') return ['may not be in the loopback range (127.0.0.0/8, ::1/128)'];
  if (kind === 'linkLocal') return ['may not be in the link-local range (169.254.0.0/16, fe80::/10)'];
  if (/^224\.0\.0\./.test(text) || /^ff02:/i.test(text))
    return ['may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'];
  return [];
}
