import { expect, test } from 'vitest'
import { readXml } from '../../../../roles/call-manager/events/xml-reader.ts'
import { element, writeXml } from '../../../../roles/call-manager/events/xml.ts'

test('what is written can be read, whatever bytes a phone put into a name', () => {
  const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')
  const written = writeXml(element('urn:a', 'root', { name: bytes }, element('urn:b', 'x'), bytes))
  expect(() =>
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(written, 'latin1')),
  ).not.toThrow()
  const root = readXml(written)
  expect(root?.children[0]).toMatchObject({ namespace: 'urn:b', name: 'x' })
})

test('too deep and too many are refused, not suffered', () => {
  const deep = (depth: number): string => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  expect(readXml(deep(30))).toBeDefined()
  expect(readXml(deep(100_000))).toBeUndefined()
  expect(readXml(`<a>${'<b/>'.repeat(5_000)}</a>`)).toBeUndefined()
})

test('a start that never ends takes linear time', () => {
  const started = performance.now()
  expect(readXml(`<a ${'x'.repeat(200_000)}`)).toBeUndefined()
  expect(readXml(`<a>${'&'.repeat(200_000)}`)).toBeUndefined()
  expect(readXml(`<a>${'&amp'.repeat(100_000)}</a>`)).toBeUndefined()
  expect(performance.now() - started).toBeLessThan(2_000)
})
