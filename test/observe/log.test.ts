import { expect, test } from 'vitest'
import { openLog } from '../../src/observe/log.ts'
import { Metrics } from '../../src/observe/metrics.ts'

test('a JSON line is one event with its fields and its server, secrets masked', () => {
  const lines: string[] = []
  const { log } = openLog({
    level: 'info',
    node: 'pbx-1',
    format: 'json',
    write: (line) => void lines.push(line),
  })
  log('info', 'call.answered', { call: 'abc', apiToken: 's3cret', password: undefined })
  log('debug', 'call.traced')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    node: 'pbx-1',
    event: 'call.answered',
    call: 'abc',
    apiToken: '[redacted]',
  })
})

test('text for a terminal: quoted where it must be, below the level nothing', () => {
  const lines: string[] = []
  const write = (line: string): void => void lines.push(line)
  const { log } = openLog({ level: 'warn', node: 'pbx-1', format: 'text', write })
  log('info', 'call.answered')
  log('warn', 'call.failed', { cause: 'no answer', status: 408, by: undefined })
  expect(lines.map((line) => line.slice(13))).toEqual([
    'warn  call.failed cause="no answer" status=408\n',
  ])
})

test('metrics: counters, gauges read at the scrape, histograms, each with its server', async () => {
  const metrics = new Metrics('pbx-1')
  const ended = metrics.counter('calls_ended_total', 'Calls that ended.', ['cause'])
  ended({ cause: 'busy' })
  ended({ cause: 'busy' }, 2)
  let calls = 1
  metrics.gauge('calls', 'Calls up.', () => calls)
  metrics.gaugeBy('flows', 'Flows.', 'transport', () => ({ udp: 3, tcp: calls }))
  metrics.histogram('commit_seconds', 'Commits.', [0.01, 0.1])(0.05)
  calls = 7
  const text = await metrics.text()
  expect(text).toContain('pbx_calls_ended_total{cause="busy",node="pbx-1"} 3')
  expect(text).toContain('pbx_calls{node="pbx-1"} 7')
  expect(text).toContain('pbx_flows{transport="tcp",node="pbx-1"} 7')
  expect(text).toContain('pbx_commit_seconds_bucket{le="0.1",node="pbx-1"} 1')
})
