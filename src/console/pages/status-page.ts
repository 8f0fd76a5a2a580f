//! The page at `/`: how the system is, for everybody; what it does, for who has signed in.

import type { Status } from '../api/shapes.ts'
import type { LiveCall } from '../system-view.ts'
import { html, type Html } from './html.ts'

export type Details = { readonly who: string; readonly calls: readonly LiveCall[] }

/** `details` only for an administrator. */
export function statusPage(status: Status, details: Details | undefined, now: number): Html {
  const { healthy } = status.health
  return html`<header>
      <h1>pbx</h1>
      <span class="badge ${healthy ? 'good' : 'bad'}"
        >${healthy ? 'healthy' : 'needs attention'}</span
      >
      ${details === undefined ? signInLink() : signOutForm(details.who)}
    </header>
    <main>
      <div class="panels">
        <section>
          <h2>Server</h2>
          <dl>
            <dt>Version</dt>
            <dd>${status.version}</dd>
            <dt>Roles</dt>
            <dd>${status.roles.join(', ')}</dd>
            ${details === undefined ? undefined : privateFacts(status, now)}
          </dl>
        </section>
        <section>
          <h2>SIP</h2>
          <dl>${status.endpoints.map(endpoint)}</dl>
        </section>
        <section>
          <h2>Health</h2>
          <dl>${status.health.checks.map(check)}</dl>
        </section>
      </div>
      ${details === undefined ? undefined : [figures(status), callTable(details.calls, now)]}
    </main>`
}

function signInLink(): Html {
  return html`<form action="/sign-in" method="get"><button class="plain">Sign in</button></form>`
}

function signOutForm(who: string): Html {
  return html`<form action="/sign-out" method="post">
    <span class="quiet">${who}</span> <button class="plain">Sign out</button>
  </form>`
}

function privateFacts(status: Status, now: number): Html {
  const up = duration(now - Date.parse(status.startedAt))
  const memory = `${Math.round(status.residentBytes / 1024 / 1024)} MiB`
  return html`<dt>Name</dt>
    <dd>${status.name}</dd>
    <dt>Up</dt>
    <dd>${up}</dd>
    <dt>Memory</dt>
    <dd>${memory}</dd>
    <dt>Runtime</dt>
    <dd>Node ${status.node}</dd>
    <dt>Domains</dt>
    <dd>${status.domains.slice(0, 5).join(', ')}</dd>`
}

function endpoint({ transport, port }: Status['endpoints'][number]): Html {
  const path = transport === 'ws' || transport === 'wss' ? html` <code>/sip</code>` : undefined
  return html`<dt>${transport.toUpperCase()}</dt>
    <dd>${port}${path}</dd>`
}

function check({ name, ok, detail }: Status['health']['checks'][number]): Html {
  const badge = html`<span class="badge ${ok ? 'good' : 'bad'}">${ok ? 'ok' : 'failing'}</span>`
  return html`<dt>${name}</dt>
    <dd>${badge} ${ok ? undefined : detail}</dd>`
}

function figures(status: Status): Html {
  const figure = (label: string, value: number): Html =>
    html`<div class="figure">
      <b>${value.toLocaleString('en')}</b> <span class="quiet">${label}</span>
    </div>`
  return html`<section class="wide">
    <div class="figures">
      ${figure('calls up', status.calls)} ${figure('AORs registered', status.registrations)}
      ${figure('extensions', status.extensions)}
    </div>
  </section>`
}

/** More than a page shows is what the CLI and the API are for. */
const CALLS_SHOWN = 50

function callTable(calls: readonly LiveCall[], now: number): Html {
  const rows = calls.slice(0, CALLS_SHOWN).map(
    (call) =>
      html`<tr>
        <td>${call.caller}</td>
        <td>${call.callee}</td>
        <td>${call.state}</td>
        <td>${duration(now - (call.answeredAt ?? call.startedAt))}</td>
        <td><code>${call.id}</code></td>
      </tr>`,
  )
  const more = calls.length - rows.length
  return html`<section class="wide">
    <h2>Calls</h2>
    ${calls.length === 0 ? html`<span class="quiet">No calls at the moment.</span>` : table(rows)}
    ${more > 0 ? html`<p class="quiet">and ${more} more: <code>pbx calls</code></p>` : undefined}
  </section>`
}

function table(rows: readonly Html[]): Html {
  return html`<table>
    <tr>
      <th>From</th>
      <th>To</th>
      <th>State</th>
      <th>For</th>
      <th>Call</th>
    </tr>
    ${rows}
  </table>`
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24]
  const two = (value: number): string => String(value).padStart(2, '0')
  const clock = `${two(hours)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return days > 0 ? `${days} d ${clock}` : clock
}
