import { expect, test } from 'vitest';
import { HtmlLinks, rewriteUrl } from './links.ts';

const place = { prefix: '/api/v1/namespaces/ns/pods/web/proxy', target: '10.0.0.1:80', host: 'localhost:8001' };
const p = place.prefix;

test.each([
  ['/x', `${p}/x`],
  ['/', `${p}/`],
  ['/a//b/./c/../d', `${p}/a/b/d`],
  ['/.hidden', `${p}/.hidden`],
  ['/x y', `${p}/x y`],
  ['/x/?a=b#c', `${p}/x/?a=b#c`],
  [`${p}/x`, `${p}/x`],
  ['x/y', 'x/y'],
  ['', ''],
  ['?q', '?q'],
  ['#f', '#f'],
  ['http://10.0.0.1:80/x', `${p}/x`],
  ['https://10.0.0.1:80/x?y', `${p}/x?y`],
  ['http://localhost:8001/x', `http://localhost:8001${p}/x`],
  ['//localhost:8001/x', `//localhost:8001${p}/x`],
  ['http://evil.example/x', 'http://evil.example/x'],
  ['//evil.example/x', '//evil.example/x'],
  ['http://10.0.0.1:8080/x', 'http://10.0.0.1:8080/x'],
  ['http://10.0.0.1:80', 'http://10.0.0.1:80'],
  ['javascript:alert(1)', 'javascript:alert(1)'],
  ['/\x00x', '/\x00x'],
  ['/../../../../secrets', `${p}/secrets`],
])('the link %s', (from, to) => {
  expect(rewriteUrl(from, place)).toBe(to);
});

const html = (text: string, size = text.length): string => {
  const links = new HtmlLinks((url) => rewriteUrl(url, place));
  let out = '';
  for (let i = 0; i < text.length; i += size) out += links.write(text.slice(i, i + size));
  return out + links.end();
};

test.each([
  ['<a href="/rewriteme">test</a>', `<a href="${p}/rewriteme">test</a>`],
  ["<A class=x HREF='/y' >", `<A class=x HREF='${p}/y' >`],
  ['<img src=/z.png alt=/z>', `<img src=${p}/z.png alt=/z>`],
  ['<img src = "/z" longdesc="/l"/>', `<img src = "${p}/z" longdesc="${p}/l"/>`],
  ['<video poster="/p"><source src="/s"></video>', `<video poster="${p}/p"><source src="${p}/s"></video>`],
  ['<form action="/f?a&amp;b">', `<form action="${p}/f?a&amp;b">`],
  ['<a href="//evil.example/">', '<a href="//evil.example/">'],
  ['<p href="/x">', '<p href="/x">'],
  ['<__proto__ href="/x"><constructor src="/x">', '<__proto__ href="/x"><constructor src="/x">'],
  ['<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'],
  ['<!-- a > b --><a href="/x">', `<!-- a > b --><a href="${p}/x">`],
  [
    '<script src="/s">if (a<b) "<a href=\\"/x\\">"</script><a href="/x">',
    `<script src="${p}/s">if (a<b) "<a href=\\"/x\\">"</script><a href="${p}/x">`,
  ],
  [
    '<title></a><a href="/x"></titles></TITLE ><a href="/x">',
    `<title></a><a href="/x"></titles></TITLE ><a href="${p}/x">`,
  ],
  ['<!doctype html><a\nhref\n=\n"/x"\n>', `<!doctype html><a\nhref\n=\n"${p}/x"\n>`],
  ['1 < 2 <<a href="/x">', `1 < 2 <<a href="${p}/x">`],
  ['<a title=">" href="/x">', `<a title=">" href="${p}/x">`],
  ['<a href=>', '<a href=>'],
  ['<a href="/un', '<a href="/un'],
])('the markup %s, whole and byte by byte', (from, to) => {
  expect(html(from)).toBe(to);
  expect(html(from, 1)).toBe(to);
});

test('a value that does not end is not held', () => {
  const links = new HtmlLinks((url) => rewriteUrl(url, place));
  let held = links.write('<a href="/').length;
  for (let i = 0; i < 100; i++) held += links.write('x'.repeat(1000)).length;
  expect(held).toBe(10 + 100_000);
});

test('a megabyte of brackets takes no time to speak of', () => {
  const started = performance.now();
  for (const hostile of ['<', '<a ', '<!-', '<a href="', '</', '<a b=c'] as const) html(hostile.repeat(200_000), 4096);
  expect(performance.now() - started).toBeLessThan(5000);
});
