//! The two forms there are: the claim of the first administrator, and signing in.

import { html, type Html } from './html.ts'

export function claimForm(token: string, fault: string | undefined, hint: Html | undefined): Html {
  return html`<main>
    <form class="card" method="post" action="/claim">
      <h1>First administrator</h1>
      <p class="quiet">
        This link works once. Choose the name and password to administer pbx with.
      </p>
      ${hint}${note(fault)}
      <input type="hidden" name="token" value="${token}" />
      <label>Name<input name="name" required autocomplete="username" maxlength="64" /></label>
      <label
        >Password<input
          name="password"
          type="password"
          required
          minlength="12"
          maxlength="256"
          autocomplete="new-password"
      /></label>
      <label
        >Password, again<input
          name="again"
          type="password"
          required
          maxlength="256"
          autocomplete="new-password"
      /></label>
      <button>Make me administrator</button>
    </form>
  </main>`
}

export function signInForm(fault: string | undefined, hint: Html | undefined): Html {
  return html`<main>
    <form class="card" method="post" action="/sign-in">
      <h1>Sign in</h1>
      ${hint}${note(fault)}
      <label>Name<input name="name" required autocomplete="username" maxlength="64" /></label>
      <label
        >Password<input
          name="password"
          type="password"
          required
          maxlength="256"
          autocomplete="current-password"
      /></label>
      <button>Sign in</button>
    </form>
  </main>`
}

export function message(title: string, text: Html): Html {
  return html`<main>
    <form class="card" method="get" action="/">
      <h1>${title}</h1>
      <p>${text}</p>
      <button>Go to the status page</button>
    </form>
  </main>`
}

/** For who would send a password in the clear over a network. */
export function encryptionHint(secureUrl: string): Html {
  return html`<p class="note bad">
    This connection is not encrypted. <a href="${secureUrl}">Use HTTPS</a>; the browser will ask
    about the self-signed certificate.
  </p>`
}

function note(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html`<p class="note bad" role="alert">${fault}</p>`
}
