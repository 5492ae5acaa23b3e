import { describe, expect, test } from 'vitest';
import type { Subresource } from '../../machinery/resource.ts';
import { cellsOf, contextOf, createOf, objectOf, updateOf } from '../testing.ts';
import ingressClasses from './ingressclasses/definition.ts';
import ingresses from './ingresses/definition.ts';
import ipAddresses from './ipaddresses/definition.ts';
import networkPolicies from './networkpolicies/definition.ts';
import serviceCidrs from './servicecidrs/definition.ts';

const statusOf = (definition: { subresources?: readonly Subresource[] }) => {
  const behaviour = definition.subresources?.find((one) => one.name === 'status')?.behaviour;
  if (behaviour?.type !== 'part') throw new Error('status is a part');
  return behaviour;
};

describe('Ingress', () => {
  const service = { name: 'web', port: { number: 80 } };
  const path = (parts: object) => ({ pathType: 'Prefix', path: '/', backend: { service }, ...parts });
  const rules = (parts: object) => ({ rules: [{ http: { paths: [path(parts)] } }] });

  test('a whole one', () => {
    const { object, problems } = createOf(ingresses, {
      spec: { ...rules({}), ingressClassName: 'nginx', tls: [{ hosts: ['a.b', '*.c.d'], secretName: 's' }] },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
    });
    expect(problems).toEqual([]);
    expect(object.status).toEqual({ loadBalancer: {} });
    expect(cellsOf(ingresses, object)).toMatchObject({ Class: 'nginx', Hosts: '*', Address: '', Ports: '80, 443' });
  });

  test.each<[string, object, object]>([
    ['hosts', { spec: { rules: [{ host: 'a' }, {}, { host: 'b' }] } }, { Class: '<none>', Hosts: 'a,b', Ports: '80' }],
    [
      'many hosts',
      { spec: { rules: ['a', 'b', 'c', 'd', 'e'].map((host) => ({ host })) } },
      { Hosts: 'a,b,c + 2 more...' },
    ],
    [
      'addresses',
      {
        spec: {},
        status: {
          loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { hostname: 'b' }, { ip: '1.1.1.1' }, { ip: '2.2.2.2' }] },
        },
      },
      { Address: '1.1.1.1,2.2.2.2,b' },
    ],
  ])('columns: %s', (_name, parts, cells) => {
    expect(cellsOf(ingresses, objectOf(ingresses, parts))).toMatchObject(cells);
  });

  const at = 'spec.rules[0].http.paths[0]';
  test.each<[string, object, string[]]>([
    ['nothing', {}, ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
    ['no paths', { rules: [{ http: {} }] }, ['spec.rules[0].http.paths: Required value']],
    ['no path type', rules({ pathType: undefined }), [`${at}.pathType: Required value: pathType must be specified`]],
    [
      'path type',
      rules({ pathType: 'Regex' }),
      [`${at}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
    ],
    ['no path', rules({ path: undefined }), [`${at}.path: Invalid value: "": must be an absolute path`]],
    ['no path where there need be none', rules({ path: undefined, pathType: 'ImplementationSpecific' }), []],
    [
      'relative path',
      rules({ path: 'a', pathType: 'ImplementationSpecific' }),
      [`${at}.path: Invalid value: "a": must be an absolute path`],
    ],
    [
      'path parts',
      rules({ path: '/a//b/./%2f/..' }),
      [
        `${at}.path: Invalid value: "/a//b/./%2f/..": must not contain '//'`,
        `${at}.path: Invalid value: "/a//b/./%2f/..": must not contain '/./'`,
        `${at}.path: Invalid value: "/a//b/./%2f/..": must not contain '%2f'`,
        `${at}.path: Invalid value: "/a//b/./%2f/..": cannot end with '/..'`,
      ],
    ],
    [
      'no backend',
      rules({ backend: {} }),
      [`${at}.backend: Invalid value: "": resource or service backend is required`],
    ],
    [
      'two backends',
      { defaultBackend: { service, resource: { kind: 'a', name: 'b' } } },
      ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
    ],
    [
      'resource',
      { defaultBackend: { resource: { apiGroup: 'A', kind: '', name: 'a/b' } } },
      [
        expect.stringContaining(
          'spec.defaultBackend.resource.apiGroup: Invalid value: "A": a lowercase RFC 1123 subdomain',
        ),
        'spec.defaultBackend.resource.kind: Required value: kind is required',
        'spec.defaultBackend.resource.name: Invalid value: "a/b": may not contain \'/\'',
      ],
    ],
    [
      'service',
      { defaultBackend: { service: { name: '', port: { name: 'a', number: 1 } } } },
      [
        'spec.defaultBackend.service.name: Required value',
        'spec.defaultBackend: Invalid value: "": cannot set both port name & port number',
      ],
    ],
    [
      'no port',
      { defaultBackend: { service: { name: '1web', port: {} } } },
      ['spec.defaultBackend: Required value: port name or number is required'],
    ],
    [
      'ports',
      { defaultBackend: { service: { name: 'a', port: { number: 65536 } } } },
      ['spec.defaultBackend.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive'],
    ],
    [
      'hosts',
      { rules: [{ host: '1.2.3.4' }, { host: '*.*.a' }, { host: 'A' }] },
      [
        'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
        expect.stringContaining('spec.rules[1].host: Invalid value: "*.*.a": a wildcard DNS-1123 subdomain'),
        expect.stringContaining('spec.rules[2].host: Invalid value: "A": a lowercase RFC 1123 subdomain'),
      ],
    ],
    [
      'certificates and class',
      { ...rules({}), tls: [{ hosts: ['A', '*a'], secretName: 'S' }], ingressClassName: 'C' },
      [
        expect.stringContaining('spec.tls[0].hosts[0]: Invalid value: "A"'),
        expect.stringContaining('spec.tls[0].hosts[1]: Invalid value: "*a": a wildcard DNS-1123 subdomain'),
        expect.stringContaining('spec.tls[0].secretName: Invalid value: "S"'),
        expect.stringContaining('spec.ingressClassName: Invalid value: "C"'),
      ],
    ],
  ])('%s', (_name, spec, problems) => {
    expect(createOf(ingresses, { spec }).problems).toEqual(problems);
  });

  test('the annotation of old', () => {
    const annotations = { 'kubernetes.io/ingress.class': 'a' };
    const { object } = createOf(ingresses, { metadata: { annotations }, spec: rules({}) });
    expect(ingresses.strategy.warnings?.(object, undefined)).toEqual([
      'annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead',
    ]);
    expect(ingresses.strategy.warnings?.(object, object)).toEqual([]);
    expect(
      createOf(ingresses, { metadata: { annotations }, spec: { ...rules({}), ingressClassName: 'b' } }).problems,
    ).toEqual([
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
    ]);
  });

  test('what was let in once may stay', () => {
    const spec = { rules: [{ host: '*.a', http: { paths: [path({ path: 'x' })] } }], tls: [{ secretName: 'S' }] };
    const old = objectOf(ingresses, { spec });
    expect(updateOf(ingresses, old, { spec }).problems).toEqual([]);
    expect(createOf(ingresses, { spec }).problems).toHaveLength(2);
  });

  test('status', () => {
    const status = statusOf(ingresses as never);
    const old = objectOf(ingresses, { spec: rules({}), status: { loadBalancer: { ingress: [{ ip: '01.2.3.4' }] } } });
    const object = objectOf(ingresses, {
      spec: {},
      status: { loadBalancer: { ingress: [{ ip: '01.2.3.4' }, { ip: '02.2.3.4' }, { hostname: '1.2.3.4' }] } },
    });
    status.prepareForUpdate(object, old, contextOf());
    expect(object.spec).toEqual(old.spec);
    expect(status.validateUpdate?.(object, old, contextOf())).toEqual([
      {
        type: 'Invalid',
        field: 'status.loadBalancer.ingress[1].ip',
        badValue: '02.2.3.4',
        detail: 'must not have leading 0s',
      },
      {
        type: 'Invalid',
        field: 'status.loadBalancer.ingress[2].hostname',
        badValue: '1.2.3.4',
        detail: 'must be a DNS name, not an IP address',
      },
    ]);
  });
});

describe('IngressClass', () => {
  test.each<[string, object, string[]]>([
    ['none', {}, ['spec.controller: Required value']],
    [
      'no path',
      { controller: 'a.b' },
      ['spec.controller: Invalid value: "a.b": must be a domain-prefixed path (such as "acme.io/foo")'],
    ],
    [
      'odd parts',
      { controller: 'A/b c' },
      [
        expect.stringContaining('spec.controller: Invalid value: "A": a lowercase RFC 1123 subdomain'),
        "spec.controller: Invalid value: \"b c\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
      ],
    ],
    ['long', { controller: `a.b/${'c'.repeat(250)}` }, ['spec.controller: Too long: may not be more than 250 bytes']],
    [
      'parameters',
      { controller: 'a.b/c', parameters: { scope: 'World' } },
      [
        'spec.parameters.kind: Required value: kind is required',
        'spec.parameters.name: Required value: name is required',
        'spec.parameters.scope: Unsupported value: "World": supported values: "Cluster", "Namespace"',
      ],
    ],
    [
      'a namespace that is missing',
      { controller: 'a.b/c', parameters: { kind: 'k', name: 'n', scope: 'Namespace' } },
      ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ],
    [
      'a namespace too many',
      { controller: 'a.b/c', parameters: { kind: 'k', name: 'n', namespace: 'x' } },
      ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
    ],
  ])('%s', (_name, spec, problems) => {
    expect(createOf(ingressClasses, { spec }).problems).toEqual(problems);
  });

  test('the controller stays', () => {
    const parameters = { apiGroup: 'g.io', kind: 'K', name: 'n' };
    const { object, problems } = createOf(ingressClasses, { spec: { controller: 'a.b/c', parameters } });
    expect(problems).toEqual([]);
    expect(object.spec.parameters?.scope).toBe('Cluster');
    expect(cellsOf(ingressClasses, object)).toMatchObject({ Controller: 'a.b/c', Parameters: 'K.g.io/n' });
    expect(updateOf(ingressClasses, object, { spec: { controller: 'a.b/d' } }).problems).toEqual([
      'spec.controller: Invalid value: "a.b/d": field is immutable',
    ]);
  });
});

describe('NetworkPolicy', () => {
  test('defaults', () => {
    const types = (spec: object) => createOf(networkPolicies, { spec }).object.spec.policyTypes;
    expect(types({})).toEqual(['Ingress']);
    expect(types({ egress: [{}] })).toEqual(['Ingress', 'Egress']);
    const { object } = createOf(networkPolicies, { spec: { ingress: [{ ports: [{ port: 80 }] }] } });
    expect(object.spec.ingress?.[0]?.ports?.[0]?.protocol).toBe('TCP');
  });

  test.each([
    [{}, '<none>'],
    [
      { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['e', 'd'] }] },
      'a=b,c in (d,e)',
    ],
  ])('the selector %j is shown as %s', (podSelector, text) => {
    expect(cellsOf(networkPolicies, objectOf(networkPolicies, { spec: { podSelector } }))['Pod-Selector']).toBe(text);
  });

  const peer = (one: object) => ({ egress: [{ to: [one] }] });
  const port = (one: object) => ({ ingress: [{ ports: [one] }] });
  const to = 'spec.egress[0].to[0]';
  const first = 'spec.ingress[0].ports[0]';
  test.each<[string, object, string[]]>([
    ['no peer', peer({}), [`${to}: Required value: must specify a peer`]],
    [
      'two peers',
      peer({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
      [`${to}: Forbidden: may not specify both ipBlock and another peer`],
    ],
    ['selectors together', peer({ podSelector: {}, namespaceSelector: {} }), []],
    ['no range', peer({ ipBlock: {} }), [`${to}.ipBlock.cidr: Required value`]],
    [
      'ranges',
      peer({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8', '11.0.0.0/9', '10.1.0.1/16', 'x'] } }),
      [
        `${to}.ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``,
        `${to}.ipBlock.except[1]: Invalid value: "11.0.0.0/9": must be a strict subset of \`cidr\``,
        `${to}.ipBlock.except[2]: Invalid value: "10.1.0.1/16": must not have bits set beyond the prefix length`,
        `${to}.ipBlock.except[3]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
      ],
    ],
    [
      'protocol',
      port({ protocol: 'ICMP' }),
      [`${first}.protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`],
    ],
    ['port number', port({ port: 0 }), [`${first}.port: Invalid value: 0: must be between 1 and 65535, inclusive`]],
    ['port name', port({ port: '80' }), [`${first}.port: Invalid value: "80": must contain at least one letter (a-z)`]],
    [
      'end before port',
      port({ port: 80, endPort: 79 }),
      [`${first}.endPort: Invalid value: 80: must be greater than or equal to \`port\``],
    ],
    [
      'end of a name',
      port({ port: 'http', endPort: 79 }),
      [`${first}.endPort: Invalid value: 79: may not be specified when \`port\` is non-numeric`],
    ],
    [
      'end alone',
      port({ endPort: 79 }),
      [`${first}.endPort: Invalid value: 79: may not be specified when \`port\` is not specified`],
    ],
    [
      'types',
      { policyTypes: ['Ingress', 'Both'] },
      ['spec.policyTypes[1]: Unsupported value: "Both": supported values: "Ingress", "Egress"'],
    ],
    [
      'many types',
      { policyTypes: ['Ingress', 'Egress', 'Egress'] },
      ['spec.policyTypes: Invalid value: ["Ingress","Egress","Egress"]: may not specify more than two policyTypes'],
    ],
    [
      'the selector',
      { podSelector: { matchLabels: { 'a b': 'c' } } },
      [expect.stringContaining('spec.podSelector.matchLabels: Invalid value: "a b": name part must consist of')],
    ],
  ])('%s', (_name, spec, problems) => {
    expect(createOf(networkPolicies, { spec }).problems).toEqual(problems);
  });

  test('ranges that are there may stay', () => {
    const old = objectOf(networkPolicies, { spec: peer({ ipBlock: { cidr: '10.0.0.1/8' } }) });
    expect(updateOf(networkPolicies, old, old).problems).toEqual([]);
    expect(networkPolicies.strategy.warnings?.(old, old)).toEqual([
      `${to}.ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)`,
    ]);
  });
});

describe('IPAddress', () => {
  const parentRef = { resource: 'services', namespace: 'default', name: 'kubernetes' };

  test.each([
    ['10.0.0.1', []],
    ['2001:db8::1', []],
    ['010.0.0.1', ['must not have leading 0s']],
    ['2001:DB8::1', ['must be in canonical form ("2001:db8::1")']],
    ['web', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
  ])('the name %s: %j', (name, messages) => {
    expect(ipAddresses.strategy.validateName?.(name, false)).toEqual(messages);
  });

  test('the parent', () => {
    const { object, problems } = createOf(ipAddresses, { spec: { parentRef } });
    expect(problems).toEqual([]);
    expect(cellsOf(ipAddresses, object).ParentRef).toBe('services/default/kubernetes');
    expect(createOf(ipAddresses, { spec: {} }).problems).toEqual(['spec.parentRef: Required value']);
    expect(createOf(ipAddresses, { spec: { parentRef: { group: 'A', namespace: '..' } } }).problems).toEqual([
      expect.stringContaining('spec.parentRef.group: Invalid value: "A"'),
      'spec.parentRef.resource: Required value',
      'spec.parentRef.name: Required value',
      'spec.parentRef.namespace: Invalid value: "..": may not be \'..\'',
    ]);
    expect(updateOf(ipAddresses, object, { spec: { parentRef: { ...parentRef, name: 'web' } } }).problems).toEqual([
      'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"default","Name":"web"}: field is immutable',
    ]);
  });

  test('the first address is held from the beginning', () => {
    expect(ipAddresses.bootstrap?.objects(contextOf().config)).toEqual([
      {
        metadata: {
          name: '10.96.0.1',
          labels: {
            'ipaddress.kubernetes.io/ip-family': 'IPv4',
            'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
          },
        },
        spec: { parentRef: { group: '', ...parentRef } },
      },
    ]);
  });
});

describe('ServiceCIDR', () => {
  test.each<[string, string[], string[]]>([
    ['one', ['10.0.0.0/16'], []],
    ['one of each family', ['10.0.0.0/16', '2001:db8::/64'], []],
    ['none', [], ['spec.cidrs: Required value: at least one CIDR required']],
    [
      'two of a family',
      ['10.0.0.0/16', '10.1.0.0/16'],
      [
        'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","10.1.0.0/16"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    ],
    ['three', ['a', 'b', 'c'], ['spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values']],
    [
      'odd',
      ['2001:DB8::/64'],
      ['spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")'],
    ],
  ])('%s', (_name, cidrs, problems) => {
    expect(createOf(serviceCidrs, { spec: { cidrs } }).problems).toEqual(problems);
  });

  test('the ranges stay', () => {
    const { object } = createOf(serviceCidrs, { spec: { cidrs: ['10.0.0.0/16'] } });
    expect(cellsOf(serviceCidrs, object).CIDRs).toBe('10.0.0.0/16');
    expect(updateOf(serviceCidrs, object, { spec: { cidrs: ['10.1.0.0/16'] } }).problems).toEqual([
      'spec.cidrs: Invalid value: ["10.1.0.0/16"]: field is immutable',
    ]);
  });
});
