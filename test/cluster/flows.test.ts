//! What nodes tell each other of clients' connections, and what a successor makes of it.

import { expect, test } from 'vitest'
import { decodeNews, encodeNews, FlowTable, inPieces, type Flow } from '../../src/cluster/flows.ts'

const flow = (number: number): Flow => ({
  local: '10.0.0.100',
  localPort: 5_060,
  remote: '10.0.0.7',
  remotePort: number,
})
const flows = (count: number): Flow[] =>
  Array.from({ length: count }, (_, place) => flow(place + 1))

test('what is opened is known until it is closed; a whole list is all there is', () => {
  const table = new FlowTable()
  table.take({ isWhole: false, opened: flows(3), closed: [] })
  table.take({ isWhole: false, opened: [flow(3), flow(4)], closed: [flow(1), flow(9)] })
  expect(table.all().map(({ remotePort }) => remotePort)).toEqual([2, 3, 4])
  table.take({ isWhole: true, opened: [flow(8)], closed: [] })
  expect(table.all()).toEqual([flow(8)])
})

test('a table does not grow for ever', () => {
  const table = new FlowTable()
  const many = Array.from({ length: 250_000 }, (_, place) => ({
    ...flow(1 + (place % 60_000)),
    remote: `10.0.0.${Math.floor(place / 60_000)}`,
  }))
  table.take({ isWhole: false, opened: many, closed: [] })
  expect(table.size).toBe(200_000)
})

test('a long list goes in pieces, and says once that it is whole', () => {
  const news = { isWhole: true, opened: flows(4_500), closed: flows(2_100) }
  const pieces = inPieces(news)
  expect(pieces.map((each) => [each.isWhole, each.opened.length, each.closed.length])).toEqual([
    [true, 2_000, 2_000],
    [false, 2_000, 100],
    [false, 500, 0],
  ])
  expect(inPieces({ isWhole: true, opened: [], closed: [] })).toHaveLength(1)
})

test('what is sent is what was said; what is no news is nothing', () => {
  const six = { local: 'fd00::100', localPort: 443, remote: 'fd00::7', remotePort: 65_535 }
  const news = { isWhole: false, opened: [flow(7), six], closed: [flow(8)] }
  expect(decodeNews(encodeNews(news))).toEqual(news)
  const bad = [
    '',
    '{}',
    '[]',
    '[true,[],{}]',
    '[true,[["x",1,"10.0.0.1",1]],[]]',
    '[true,[null],[]]',
  ]
  for (const text of [...bad, '[true,[["10.0.0.1",0,"10.0.0.1",70000]],[]]'])
    expect(decodeNews(Buffer.from(text)), text).toBeUndefined()
})
