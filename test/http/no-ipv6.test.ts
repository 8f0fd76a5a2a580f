//! A host whose kernel has no IPv6 (ipv6.disable=1), of which the settings want some. No namespace
//! is such a host, so the kernel's answer is put in its place.

import { request } from 'node:http'
import { Server } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { openHttp, type HttpServers } from '../../src/http/server.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { selfSigned } from '../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../store/host.ts'

type Listen = (this: Server, ...given: readonly unknown[]) => Server
const listen = Object.getOwnPropertyDescriptor(Server.prototype, 'listen')?.value as Listen
const open: HttpServers[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(open.splice(0).map((servers) => servers.close(0)))
})

function kernelAnswers(code: string): void {
  vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given) {
    const [options] = given as unknown as [{ readonly host?: string }]
    if (options.host !== '::') return listen.apply(this, given)
    setImmediate(() => this.emit('error', Object.assign(new Error(`listen ${code}`), { code })))
    return this
  })
}

async function opened(withoutIpv6?: string): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = []
  const servers = await openHttp({
    address: '::',
    ...(withoutIpv6 === undefined ? {} : { withoutIpv6 }),
    httpPort: 0,
    httpsPort: 0,
    identity: selfSigned(['localhost'], new Date()),
    log: realHost(events).log,
    metrics: new Metrics('pbx-1'),
    onUpgrade: ({ socket }) => void socket.destroy(),
    routes: () => undefined,
  })
  open.push(servers)
  const status = await new Promise((resolve) => {
    request({ port: servers.httpPort, host: '127.0.0.1' }, (answer) => resolve(answer.statusCode))
      .on('error', resolve)
      .end()
  })
  expect(status).toBe(404)
  return events
}

test('the doors are opened for IPv4, and it is said what is amiss', async () => {
  kernelAnswers('EAFNOSUPPORT')
  const events = await opened('0.0.0.0')
  expect(events.map(({ event }) => event)).toEqual(['http.no-ipv6', 'http.no-ipv6'])
  expect(JSON.stringify(events[0])).toContain('ipv6.disable=1')
})

test('not where IPv6 alone is wanted, nor for another reason', async () => {
  kernelAnswers('EAFNOSUPPORT')
  await expect(opened()).rejects.toThrow(/^TCP port 0 on ::: .* IPv4 only$/)
  kernelAnswers('EADDRINUSE')
  await expect(opened('0.0.0.0')).rejects.toThrow('is taken')
})
