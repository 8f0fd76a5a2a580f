import type { TenantId } from '../../../../src/control/ids.ts'
import type { FlowId } from '../../../../src/sip/transaction/flow.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import type { Extension } from '../../../../roles/call-manager/directory.ts'
import type { ForkTarget, Plan } from '../../../../roles/call-manager/routing/plan.ts'
import { serviceAt } from '../../../../roles/call-manager/routing/services.ts'
import { walk, type Command } from '../../../harness/datadriven.ts'
import { Bench, CONFIG, type Extra } from './bench.ts'

/**
 *   invite alice bob sdp=A devices=desk,mobile;home   (or service=*43, refuse=480)
 *   plan carol devices=carol1                         (what a redirect or transfer will find)
 *   alice BYE | desk 180 | desk 200 sdp=B | desk timeout
 *   alice BYE via=mallory                             (from Mallory's address)
 *   nobody 0                                          (leg 0 is of no extension)
 *   wait 32000 | media hold|release|fail|hang|work|lost | store … | played | show header,…
 */
walk(new URL('./testdata', import.meta.url).pathname, () => {
  const bench = new Bench()
  return (command: Command): string => {
    bench.lines = []
    run(bench, command)
    return bench.lines.length === 0 ? 'ok' : bench.lines.join('\n')
  }
})

function run(bench: Bench, command: Command): void {
  const { name, words } = command
  const [first = ''] = words
  switch (name) {
    case 'invite': {
      const user = words[1] ?? ''
      return bench.invite(first, `sip:${user}@pbx.example`, planOf(user, command), extraOf(command))
    }
    case 'plan':
      return void bench.plans.set(first, planOf(first, command))
    case 'config':
      bench.config = { ...CONFIG, ...JSON.parse(words.join(' ')) }
      return
    case 'wait':
      return bench.wait(Number(first))
    case 'show':
      bench.printer.shown = first.split(',')
      return
    case 'media':
      return first === 'lost' ? bench.loseMedia() : hold(bench, name, first)
    case 'store':
      return hold(bench, name, first)
    case 'played':
      return bench.feed({ kind: 'played', media: 'call1-0' as never })
    case 'hangup':
      return bench.feed({ kind: 'hangup', status: 503, cause: 'by the console' })
    case 'nobody':
      for (const leg of bench.machine?.state.legs ?? [])
        if (leg.id === Number(first)) leg.hop = { ...leg.hop, aor: undefined }
      return
    case 'over':
      return void bench.lines.push(`${bench.machine?.over}, deadline ${bench.machine?.deadline()}`)
    default:
      return speak(bench, name, first, command)
  }
}

function hold(bench: Bench, what: 'media' | 'store', how: string): void {
  if (what === 'media') {
    bench.mediaFails = how === 'fail' || how === 'hang' ? how : undefined
    bench.mediaHeld = how === 'hold'
    if (how === 'release') bench.letMedia()
  } else {
    bench.storeFails = how === 'fail'
    bench.storeHeld = how === 'hold'
    if (how === 'release' || how === 'fail') bench.letStore()
  }
}

function speak(bench: Bench, name: string, what: string, command: Command): void {
  const extra = extraOf(command)
  if (what === 'timeout' || what === 'transport') return bench.fail(name, what)
  const status = Number(what)
  if (Number.isNaN(status)) return bench.send(name, what, extra)
  const to = command.arg('to')
  const tag = command.arg('tag')
  bench.answer(name, status, { ...extra, ...(to && { to }), ...(tag && { tag }) })
}

function extraOf(command: Command): Extra {
  const headers = command.body.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { headers, sdp: command.arg('sdp'), via: command.arg('via') }
}

function planOf(user: string, command: Command): Plan {
  const service = command.arg('service')
  const found = service === undefined ? undefined : serviceAt(service)
  if (found !== undefined) return { kind: 'service', dialled: user, service: found }
  const callee = extension(user)
  const status = Number(command.arg('refuse') ?? 0)
  if (status === 480 || status === 404) {
    const prompt = status === 480 ? 'not-available' : 'unknown-number'
    return { kind: 'refuse', dialled: user, callee, status, prompt }
  }
  const groups = (command.arg('devices') ?? user)
    .split(';')
    .map((group) => group.split(',').map((device) => target(user, device)))
  return { kind: 'fork', dialled: user, callee, groups }
}

/** `desk!` is registered through an edge proxy. */
function target(user: string, name: string): ForkTarget {
  const device = name.replace('!', '')
  const route = device === name ? [] : ['<sip:edge.host;lr>']
  const uri = `sip:${user}@${device}.host`
  const to = `udp:${device}` as FlowId
  const aor = `sip:${user}@pbx.example`
  return { aor, name: user.toUpperCase(), uri, route, to, address: `${device}.host` }
}

function extension(user: string): Extension {
  const domain = 'pbx.example'
  const aor = parseUri(`sip:${user}@${domain}`) === undefined ? '' : `sip:${user}@${domain}`
  const tenant = 't1' as TenantId
  return { tenant, user, displayName: user.toUpperCase(), domain, aor, enabled: true }
}
